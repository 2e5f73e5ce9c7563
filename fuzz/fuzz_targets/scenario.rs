#![no_main]

use airudder_mock::contract::Catalog;
use airudder_mock::fuzzing::load;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let folder = std::env::temp_dir().join(format!("airudder-mock-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the file");
    let path = folder.join("story.toml");
    std::fs::write(&path, input).expect("the file can be written");
    if let Err(problems) = load::load(&path, Catalog::builtin(), &[]) {
        assert!(!problems.render().is_empty());
    }
});
