#![no_main]

use airudder_mock::contract::signature::{Preset, Received, Scheme, Signer};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str, &str, &[u8])| {
    let (preset, secret, signature, body) = input;
    let preset = Preset::ALL[usize::from(preset) % Preset::ALL.len()];
    let signer = Signer::new(Scheme::preset(preset), secret);
    let headers = [(&signer.scheme().header, signature)].into_iter().collect();
    let received = Received { body, path: "/hook", headers: &headers, now: Timestamp::UNIX_EPOCH };
    if let Err(mismatch) = signer.verify(&received) {
        assert!(!mismatch.message.is_empty());
    }
});
