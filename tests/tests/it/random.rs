//! Random inputs that come again: each run prints its seed, and `SEED=<number>` repeats it.

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and even enough to choose with.
pub(crate) struct Random(u64);

impl Random {
    /// The same sequence each time, unless the environment says another seed.
    pub(crate) fn seeded(what: &str) -> Self {
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or(20_261_123);
        // Printed when the test fails, so that it can be repeated.
        #[expect(clippy::print_stderr, reason = "a test's own words")]
        {
            eprintln!("{what}: SEED={seed}");
        }
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    /// Less than `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("a usize has 64 bits");
        usize::try_from(self.next() % limit).expect("less than a usize")
    }

    /// True with a chance of one in this number.
    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(crate) fn bytes(&mut self, min: usize, max: usize) -> Vec<u8> {
        let length = min + self.below(max - min + 1);
        (0..length).map(|_| self.next().to_be_bytes()[0]).collect()
    }

    pub(crate) fn text_of(&mut self, alphabet: &str, min: usize, max: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let length = min + self.below(max - min + 1);
        (0..length).map(|_| *self.pick(&alphabet)).collect()
    }

    /// Any characters but U+0000, which PostgreSQL's text cannot hold; quotes and the like more often.
    pub(crate) fn unicode(&mut self, min: usize, max: usize) -> String {
        let length = min + self.below(max - min + 1);
        let mut text = String::new();
        while text.chars().count() < length {
            let candidate = if self.chance(3) {
                *self.pick(&['\'', '\\', '"', '\n', '|', 'é', '\u{10ffff}'])
            } else {
                let code = u32::try_from(self.below(0x11_0000)).expect("less than 2^32");
                char::from_u32(code).unwrap_or('\u{fffd}')
            };
            text.extend(Some(candidate).filter(|character| *character != '\0'));
        }
        text
    }
}
