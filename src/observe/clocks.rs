//! The clocks of one side, as its time namespace has them. Called by `view`; tells
//! the time and sets nothing.

use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};

use super::model::{Reading, Unread};
use super::proc::{ProcDir, SMALL};
use crate::kernel::{Errno, read};

/// What the clocks of one side say.
///
/// Two of them are always equal: that time passes is no news, and makes no two
/// views of a quiet machine different.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Clocks {
    /// CLOCK_REALTIME in words: `2026-11-22 01:34:36 UTC`.
    pub date: Reading<String>,
    /// CLOCK_REALTIME: microseconds since 1970. No namespace has one of its own.
    pub realtime: Reading<i64>,
    /// CLOCK_MONOTONIC: microseconds, without those of suspend.
    pub monotonic: Reading<i64>,
    /// CLOCK_BOOTTIME: microseconds since the start of the machine, or of what the
    /// namespace says was it.
    pub boottime: Reading<i64>,
    /// /proc/uptime: whole seconds, the same clock as `boottime`.
    pub uptime: Reading<u64>,
}

impl PartialEq for Clocks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Clocks {}

/// /proc/self/timens_offsets: seconds and nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeOffsets {
    /// CLOCK_MONOTONIC.
    pub monotonic: (i64, i64),
    /// CLOCK_BOOTTIME.
    pub boottime: (i64, i64),
}

/// The calling process's clocks, and the uptime that a /proc gives it.
pub fn clocks(proc: Result<&ProcDir, &Unread>, buffer: &mut Vec<u8>) -> Clocks {
    let uptime = match uptime(proc, buffer) {
        Ok(seconds) => Reading::Read(seconds),
        Err(unread) => Reading::Unread(unread),
    };
    match read::clocks() {
        Ok([realtime, monotonic, boottime]) => Clocks {
            date: Reading::Read(date(realtime.div_euclid(1_000_000))),
            realtime: Reading::Read(realtime),
            monotonic: Reading::Read(monotonic),
            boottime: Reading::Read(boottime),
            uptime,
        },
        Err(errno) => {
            let why = Unread { path: "clock_gettime(2)".to_owned(), errno };
            Clocks { uptime, ..Clocks::unread(&why) }
        }
    }
}

impl Clocks {
    /// Of a side of which nothing can be said.
    pub fn unread(why: &Unread) -> Self {
        Self {
            date: Reading::Unread(why.clone()),
            realtime: Reading::Unread(why.clone()),
            monotonic: Reading::Unread(why.clone()),
            boottime: Reading::Unread(why.clone()),
            uptime: Reading::Unread(why.clone()),
        }
    }
}

fn uptime(proc: Result<&ProcDir, &Unread>, buffer: &mut Vec<u8>) -> Result<u64, Unread> {
    let proc = proc.map_err(Clone::clone)?;
    let failed = |errno| Unread { path: format!("{}/uptime", proc.path()), errno };
    let file = read::open_at(proc.fd(), c"uptime").map_err(failed)?;
    read::read_all(file.as_fd(), buffer, SMALL).map_err(failed)?;
    seconds(buffer).ok_or_else(|| failed(Errno(libc::EINVAL)))
}

/// The whole seconds of `12454.85 10470.07`, proc_uptime(5).
fn seconds(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.split('.').next()?.parse().ok()
}

/// Seconds since 1970 as a date of the proleptic Gregorian calendar, in UTC.
/// Eras of 400 years, and years that start in March so that the leap day is last.
pub fn date(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let since_march_0000 = days + 719_468;
    let (era, day_of_era) = (since_march_0000.div_euclid(146_097), since_march_0000.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_date_1() {
        // date -u -d @N '+%F %T UTC'
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(951_827_696), "2000-02-29 12:34:56 UTC");
        assert_eq!(date(1_795_311_861), "2026-11-22 01:44:21 UTC");
        assert_eq!(date(4_107_542_399), "2100-02-28 23:59:59 UTC");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00:00 UTC");
        assert_eq!(date(-1), "1969-12-31 23:59:59 UTC");
    }

    #[test]
    fn the_uptime_is_in_whole_seconds() {
        assert_eq!(seconds(b"12454.85 10470.07\n"), Some(12_454));
        assert_eq!(seconds(b""), None);
    }
}
