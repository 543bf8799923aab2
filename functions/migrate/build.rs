//! Lists the SQL files that a deployment applies, so that adding one is adding a file.

use std::{env, fmt::Write as _, fs, io, path::Path};

/// Folders of `migrations/`, and what each is called in the list.
const FOLDERS: [(&str, &str); 4] = [
    ("TABLES", "tables"),
    ("FUNCTIONS", "functions"),
    ("GATEWAY", "gateway"),
    ("ACCESS", "access"),
];

fn main() -> io::Result<()> {
    let migrations = Path::new("../../migrations").canonicalize()?;
    let mut list = String::new();
    for (name, folder) in FOLDERS {
        let mut files = Vec::new();
        find(&migrations, folder, &mut files)?;
        files.sort_unstable();
        writeln!(list, "pub(super) const {name}: &[File] = &[").map_err(io::Error::other)?;
        for path in files {
            let file = migrations.join(&path).display().to_string();
            writeln!(list, "    ({path:?}, include_str!({file:?})),").map_err(io::Error::other)?;
        }
        writeln!(list, "];").map_err(io::Error::other)?;
    }
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    fs::write(Path::new(&out).join("embedded.rs"), list)
}

/// The SQL files of a folder and its folders, as paths below `migrations/`.
fn find(migrations: &Path, folder: &str, files: &mut Vec<String>) -> io::Result<()> {
    // A folder's time changes when a file is added or removed in it.
    println!(
        "cargo:rerun-if-changed={}",
        migrations.join(folder).display()
    );
    for entry in fs::read_dir(migrations.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            find(migrations, &path, files)?;
        } else if Path::new(&path)
            .extension()
            .is_some_and(|extension| extension == "sql")
        {
            files.push(path);
        }
    }
    Ok(())
}
