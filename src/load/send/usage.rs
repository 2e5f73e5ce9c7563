//! CPU time and memory that this process has used.

use std::time::Duration;

/// CPU time and memory of the process since its start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time in user mode.
    pub(crate) user: Duration,
    /// CPU time in the kernel.
    pub(crate) system: Duration,
    /// Peak memory, in bytes; 0 if the system does not report it.
    pub(crate) peak: u64,
}

impl Usage {
    /// Returns the current values. Zero if the system does not report them.
    #[cfg(unix)]
    pub(crate) fn now() -> Self {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeVal;

        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Self::default() };
        let time = |value: TimeVal| {
            let whole = u64::try_from(value.tv_sec()).unwrap_or(0);
            Duration::from_secs(whole) + Duration::from_micros(u64::try_from(value.tv_usec()).unwrap_or(0))
        };
        // It is in bytes on macOS and in kibibytes elsewhere. On Linux it may be that of the process that started this one,
        // so the system is asked in another way there.
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        let peak = u64::try_from(usage.max_rss()).unwrap_or(0) * unit;
        Self {
            user: time(usage.user_time()),
            system: time(usage.system_time()),
            peak: high_water().unwrap_or(peak),
        }
    }

    /// Returns the current values. Zero if the system does not report them.
    #[cfg(not(unix))]
    pub(crate) fn now() -> Self {
        Self::default()
    }

    /// Returns CPU time in both modes.
    pub(crate) fn cpu(&self) -> Duration {
        self.user + self.system
    }
}

/// Returns the peak memory of this process since its program was loaded, if Linux reports it.
#[cfg(unix)]
fn high_water() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
