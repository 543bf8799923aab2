//! The marked regions of files that are otherwise written by hand.

use anyhow::{Context as _, Result, ensure};

/// What the markers of every region say first.
pub(crate) const MARK: &str = "generated from functions/endpoints.toml";

/// Replaces the lines between the markers of each region, which stay as they are.
///
/// A region without its text and a text without its region are errors: nothing is left to be forgotten.
pub(crate) fn replace(file: &str, text: &str, regions: &[(&str, String)]) -> Result<String> {
    let marks = text.matches(&format!("{MARK}: begin ")).count();
    ensure!(
        marks == regions.len(),
        "{file}: {marks} regions are marked, {} are generated",
        regions.len()
    );
    let mut text = text.to_owned();
    for (name, lines) in regions {
        let place = || format!("{file}: region {name}");
        let begin = format!("{MARK}: begin {name}");
        let end = format!("{MARK}: end {name}");
        let start = text.find(&begin).with_context(place)?;
        let start = start + text[start..].find('\n').with_context(place)? + 1;
        let stop = start + text[start..].find(&end).with_context(place)?;
        let stop = text[..stop].rfind('\n').with_context(place)? + 1;
        ensure!(
            start <= stop && (lines.is_empty() || lines.ends_with('\n')),
            "{}",
            place()
        );
        text.replace_range(start..stop, lines);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::replace;

    const TEXT: &str = concat!(
        "a\n",
        "  # generated from functions/endpoints.toml: begin x\n",
        "old\n",
        "  # generated from functions/endpoints.toml: end x\n",
        "b\n",
    );

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let new = replace("f", TEXT, &[("x", "new\nlines\n".to_owned())]).expect("a region");
        assert_eq!(new, TEXT.replace("old\n", "new\nlines\n"));
    }

    #[test]
    fn a_region_that_nobody_writes_is_an_error() {
        assert!(replace("f", TEXT, &[]).is_err());
        assert!(replace("f", TEXT, &[("y", String::new())]).is_err());
    }
}
