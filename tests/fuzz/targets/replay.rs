//! Runs a target on every input of its corpus, and on every input that once broke it.

use std::fs;
use std::path::Path;

/// Runs `target` on `tests/fuzz/corpus/NAME` and `tests/fuzz/regressions/NAME`.
///
/// # Panics
/// When there is no corpus, or with the target's own panic, behind a line that names
/// the input.
pub(crate) fn replay(name: &str, target: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let mut inputs = Vec::new();
    for folder in ["corpus", "regressions"] {
        let Ok(entries) = fs::read_dir(root.join(folder).join(name)) else {
            continue;
        };
        inputs.extend(entries.map(|entry| entry.expect("a readable folder").path()));
    }
    inputs.sort();
    assert!(inputs.len() >= 5, "{name}: where is its corpus?");
    target(&[]);
    for input in inputs {
        let data = fs::read(&input).expect("a readable input");
        let run = std::panic::catch_unwind(|| target(&data));
        if let Err(panic) = run {
            println!("{name}: {}", input.display());
            std::panic::resume_unwind(panic);
        }
    }
}
