//! Lines of standard input, read on a separate thread.

use std::io::BufRead;

use tokio::sync::mpsc;

use super::CommandError;

/// Maximum number of waiting lines.
const WAITING: usize = 16;

/// Returns the lines of standard input, until it ends. Bytes that are not text are shown escaped.
pub(super) fn standard_input() -> Result<mpsc::Receiver<String>, CommandError> {
    let (sender, lines) = mpsc::channel(WAITING);
    let read = move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            if sender.blocking_send(text.trim_end_matches(['\n', '\r']).to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    };
    on_a_thread(read)?;
    Ok(lines)
}

/// Returns a future that is ready when standard input ends. What comes from it is dropped.
pub(super) fn standard_input_ends() -> Result<impl Future<Output = ()>, CommandError> {
    let (open, mut ends) = mpsc::channel::<()>(1);
    on_a_thread(move || {
        // An input that cannot be read has ended, too.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(open);
    })?;
    Ok(async move {
        ends.recv().await;
    })
}

/// Reads on a thread of its own, which does not keep the program from ending.
fn on_a_thread(read: impl FnOnce() + Send + 'static) -> Result<(), CommandError> {
    match std::thread::Builder::new().name("input".to_owned()).spawn(read) {
        Ok(_) => Ok(()),
        Err(error) => Err(CommandError::start(format!("cannot start a thread: {error}"))),
    }
}

/// Returns no lines.
pub(super) fn none() -> mpsc::Receiver<String> {
    mpsc::channel(1).1
}
