#![no_main]

use airudder_mock::contract::aes::Cipher;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8], &str)| {
    let (key, plain, text) = input;
    let Ok(cipher) = Cipher::new(key) else { return };
    let _ = cipher.decrypt(text);
    let back = cipher.decrypt(&cipher.encrypt(plain)).expect("what was encrypted can be decrypted");
    let end = plain.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    assert_eq!(back, &plain[..end]);
});
