//! The project's Rust files.

use std::path::{Path, PathBuf};

/// Lines of a file that is one job.
pub const MAX_LINES: usize = 400;
/// Where Rust stands.
const PLACES: [&str; 4] = ["shared", "functions", "infra", "tests"];

/// The project's folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// All `.rs` files in a folder and below, in order.
#[must_use]
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// All `.rs` files of the project.
#[must_use]
pub fn all(root: &Path) -> Vec<PathBuf> {
    PLACES.iter().flat_map(|place| below(&root.join(place))).collect()
}

/// Files that are too long, with their lines.
#[must_use]
pub fn too_long(files: &[PathBuf]) -> Vec<String> {
    let lines = |file: &PathBuf| std::fs::read_to_string(file).unwrap().lines().count();
    let long = files.iter().map(|file| (file, lines(file)));
    long.filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| {
            format!(
                "{}: {lines} lines; split it by job (at most {MAX_LINES})",
                file.display()
            )
        })
        .collect()
}
