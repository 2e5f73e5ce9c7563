//! Phone numbers in E.164.

/// The digits of a number in E.164: a `+`, then 7 to 15 digits of which the first is not 0.
pub(crate) fn e164(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+')?;
    let sound = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| digits.parse().ok()).flatten()
}

/// A number in E.164 that may have lost its plus on the way through a query, where a plus stands for a space.
pub(crate) fn e164_or_bare(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.starts_with('+') { e164(text) } else { e164(&format!("+{text}")) }
}
