//! The inputs of the fuzz targets, checked by a stable compiler too.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
#[allow(missing_docs)]
mod fuzz;

/// What is in a folder of `fuzz/inputs`, in the order of its names.
fn paths(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/inputs")
        .join(folder);
    let entries = fs::read_dir(&folder);
    let entries = entries.unwrap_or_else(|error| unreachable!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The inputs of a target, with their files.
fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let read = |path: PathBuf| {
        let input = fs::read(&path);
        let input = input.unwrap_or_else(|error| unreachable!("{}: {error}", path.display()));
        (path, input)
    };
    paths(target).into_iter().map(read).collect()
}

fn replay(target: &str) {
    let check = fuzz::TARGETS.iter().find(|(name, _)| *name == target);
    let Some((_, check)) = check else {
        unreachable!("there is no target {target}");
    };
    let inputs = inputs(target);
    assert!(inputs.len() >= 40, "the inputs are there");
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for (path, input) in &inputs {
        // The harness shows these if the check fails.
        println!("{}", path.display());
        check(input);
        for _ in 0..VARIANTS {
            let (_, other) = &inputs[dice.below(inputs.len())];
            let variant = dice.variant(input, other);
            println!("  and b\"{}\"", variant.escape_ascii());
            check(&variant);
        }
    }
}

/// How many variants of each input are checked, too: few, as this is no fuzzer.
const VARIANTS: usize = 20;

/// Chances that are the same at every run (Marsaglia, "Xorshift RNGs").
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound.max(1)
    }

    /// The input with some bytes of it changed, taken out, or taken from another.
    fn variant(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut variant = input.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(variant.len() + 1);
            let end = variant.len().min(at + self.below(6));
            let from = self.below(other.len() + 1);
            let to = other.len().min(from + self.below(12));
            match self.below(4) {
                0 => variant.insert(at, self.below(256) as u8),
                1 => drop(variant.drain(at..end)),
                2 => drop(variant.splice(at..end, other[from..to].iter().copied())),
                _ => {
                    if let Some(byte) = variant.get_mut(at) {
                        *byte ^= 1 << self.below(8);
                    }
                }
            }
        }
        variant
    }
}

#[test]
fn cookie_headers() {
    replay("cookie_header");
}

#[test]
fn signed_values() {
    replay("unsign");
}

#[test]
fn set_cookie_headers() {
    replay("set_cookie");
}

#[test]
fn session_texts() {
    replay("session_text");
}

#[test]
fn store_calls() {
    replay("memory_store");
}

#[test]
fn rows_of_a_file() {
    replay("disk_row");
}

/// A target without a test here, inputs or a dictionary, and inputs without a target, would
/// go unnoticed.
#[test]
fn nothing_is_left_out() {
    let names = fuzz::TARGETS.iter().map(|(name, _)| *name);
    let mut expected: Vec<String> = names
        .flat_map(|name| [name.to_owned(), format!("{name}.dict")])
        .collect();
    expected.sort();
    let found: Vec<String> = paths("")
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(fuzz::TARGETS.len(), 6, "and each has a test above");
}
