//! Clocks: a row per clock and per offset. The date is one for all; the others are
//! one where both sides are in the same time namespace.

use super::{Key, Row, RowKey, Side, Twin};
use crate::i18n::Lang;
use crate::lesson::op::NsKind;
use crate::observe::model::{ActorView, Reading, View};

/// What a row of the clocks reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads<'a> {
    /// CLOCK_REALTIME, in words.
    Date(&'a str),
    /// CLOCK_MONOTONIC, in microseconds.
    Monotonic(i64),
    /// CLOCK_BOOTTIME, in microseconds.
    Boottime(i64),
    /// /proc/uptime, in seconds.
    Uptime(u64),
    /// What children are ahead of the machine's CLOCK_MONOTONIC: seconds, nanoseconds.
    MonotonicOffset(i64, i64),
    /// The same for CLOCK_BOOTTIME.
    BoottimeOffset(i64, i64),
}

/// Six rows, in the order of [`Reads`]; a side of which one could not be read has
/// no face there. The second of a row says whether its faces are of one clock.
pub fn clocks<'a>(host: &'a View, actor: &'a ActorView) -> (Twin<Reads<'a>>, bool) {
    let namespace = |ns: Option<&Reading<u64>>| ns.and_then(Reading::read).copied();
    let outer_ns = namespace(host.ns.get(&NsKind::Time));
    let one = outer_ns == namespace(actor.ns.get(&NsKind::Time));
    let inner = actor.seen.read().map(faces);
    let rows: Vec<_> = (0..)
        .zip(faces(host))
        .enumerate()
        .map(|(at, (number, host))| Row {
            key: RowKey { side: Side::Host, key: Key::Clock(number) },
            host,
            inside: inner.as_ref().and_then(|inner| inner.get(at).cloned().flatten()),
            relevant: true,
        })
        .collect();
    (Twin { shown: rows.len(), rows }, one)
}

impl Row<Reads<'_>> {
    /// Whether both faces are one clock's, or one offset; nothing where one is
    /// missing. `one_namespace` is what [`clocks`] said.
    pub fn one(&self, one_namespace: bool) -> Option<bool> {
        Some(match (self.host.as_ref()?, self.inside.as_ref()?) {
            (Reads::Date(_), _) => true,
            (host @ (Reads::MonotonicOffset(..) | Reads::BoottimeOffset(..)), inside) => host == inside,
            _ => one_namespace,
        })
    }
}

fn faces(view: &View) -> [Option<Reads<'_>>; 6] {
    let clocks = &view.clocks;
    let offsets = view.time.read();
    [
        clocks.date.read().map(|date| Reads::Date(date)),
        clocks.monotonic.read().map(|micros| Reads::Monotonic(*micros)),
        clocks.boottime.read().map(|micros| Reads::Boottime(*micros)),
        clocks.uptime.read().map(|seconds| Reads::Uptime(*seconds)),
        offsets.map(|offsets| Reads::MonotonicOffset(offsets.monotonic.0, offsets.monotonic.1)),
        offsets.map(|offsets| Reads::BoottimeOffset(offsets.boottime.0, offsets.boottime.1)),
    ]
}

/// A span of time for a person: `12 d 03:22:05`, `03:22:05`.
pub fn span(seconds: i64, lang: Lang) -> String {
    let sign = if seconds < 0 { "−" } else { "" };
    let seconds = seconds.unsigned_abs();
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let day = lang.pick("d", "j");
    let days = if days > 0 { format!("{days} {day} ") } else { String::new() };
    format!("{sign}{days}{hours:02}:{minutes:02}:{rest:02}")
}

/// An offset in seconds, with its sign: `+86400 s`; nanoseconds where there are any.
/// The kernel writes them as it keeps them: the nanoseconds always count forward.
pub fn offset(seconds: i64, nanoseconds: i64) -> String {
    let nanoseconds = if nanoseconds == 0 { String::new() } else { format!(" +{nanoseconds} ns") };
    format!("{seconds:+} s{nanoseconds}")
}
