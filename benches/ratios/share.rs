//! A demonstration that two hundred follow over loopback, one of whom never reads: how
//! late the wall's frames are, beside the same without anybody.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cloison::demo::follow::wire::{Inbox, MOST_SAID, PORT, Word, frame, heard};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::screen::Screen;
use crate::table::{Figure, Row, Unit};

const FOLLOWERS: usize = 200;
/// Each is four frames, of which the last is news for all.
const ROUNDS: usize = 60;
const REST: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(20);

/// The worst of all frames, with followers and without; and when the last follower has it.
pub fn rows() -> Vec<Row> {
    let [with, all] = measured(FOLLOWERS).unwrap_or_else(|why| [Err(why.clone()), Err(why)]);
    let [without, _] = measured(0).unwrap_or_else(|why| [Err(why.clone()), Err(why)]);
    let frames = ROUNDS * 4;
    vec![
        Row::within(&format!("worst frame of {frames}, 200 followers, one stuck"), Unit::Millis, &with, 50.0),
        Row::alone(&format!("worst frame of {frames}, nobody follows"), Unit::Millis, &without),
        Row::alone("until the last follower has it, at worst", Unit::Millis, &all),
    ]
}

fn measured(followers: usize) -> Result<[Figure; 2], String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let shared = (followers > 0).then_some("--share=127.0.0.1:0");
    let args: Vec<&str> = ["demo", "uts"].into_iter().chain(shared).collect();
    let mut wall = Screen::begin(&args, place.path())?;
    wall.until("1/11")?;
    // Its lab is made, and idle.
    wall.listen(REST);
    let crowd = if followers > 0 { Some(Crowd::follow(&wall.text(), followers)?) } else { None };
    if followers > 0 {
        wall.until(&format!("{followers} followers"))?;
    }
    wall.answers(" ", "2/11")?;
    wall.listen(REST);
    let (mut worst, mut last) = (Duration::ZERO, Duration::ZERO);
    for round in 0..ROUNDS {
        // Two digits that were not there before.
        let hands = format!("{}", 10 + round);
        let (one, two) = hands.split_at(1);
        let mut frame = |keys: &str, wanted: &str| wall.answers(keys, wanted).map(|time| worst = worst.max(time));
        frame("v", "Hands: ▏")?;
        frame(one, &format!("Hands: {one}▏"))?;
        frame(two, &format!("Hands: {hands}▏"))?;
        let pressed = Instant::now();
        frame("\r", &format!("█ {hands}"))?;
        if let Some(crowd) = &crowd {
            last = last.max(crowd.all_have(10 + round as u32, pressed)?);
        }
    }
    drop(crowd);
    wall.leave()?;
    let millis = |time: Duration| Ok(time.as_secs_f64() * 1_000.0);
    Ok([millis(worst), millis(last)])
}

/// Those who follow, and a thread that reads for all but one.
struct Crowd {
    /// How many have the hands counted last, and which those are.
    have: Arc<AtomicUsize>,
    count: Arc<AtomicUsize>,
    readers: usize,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _stuck: TcpStream,
}

impl Crowd {
    fn follow(wall: &str, followers: usize) -> Result<Self, String> {
        let words = wall.lines().last().and_then(|row| row.trim().strip_prefix("cloison follow "));
        let (address, rest) = words.and_then(|words| words.split_once("   code ")).ok_or("(no address on the wall)")?;
        let at: SocketAddr =
            address.parse().or_else(|_| format!("{address}:{PORT}").parse()).map_err(|_| "(no address)")?;
        let code = rest.get(..7).ok_or("(no code on the wall)")?;
        let join = || {
            let mut stream = TcpStream::connect(at)?;
            stream.write_all(&frame(code.as_bytes()))?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        let joined: std::io::Result<Vec<TcpStream>> = (0..followers).map(|_| join()).collect();
        let mut streams = joined.map_err(|error| error.to_string())?;
        let stuck = streams.pop().ok_or("(nobody)")?;
        let readers = streams.len();
        let (have, count, stop) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let told = (Arc::clone(&have), Arc::clone(&count), Arc::clone(&stop));
        let thread = std::thread::spawn(move || read(streams, &told.0, &told.1, &told.2));
        Ok(Self { have, count, readers, stop, thread: Some(thread), _stuck: stuck })
    }

    /// How long after this instant all have these hands.
    fn all_have(&self, hands: u32, since: Instant) -> Result<Duration, String> {
        while since.elapsed() < PATIENCE {
            if self.count.load(Ordering::Acquire) == hands as usize && self.have.load(Ordering::Acquire) == self.readers
            {
                return Ok(since.elapsed());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Err(format!("({} of {} have it)", self.have.load(Ordering::Acquire), self.readers))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads for all of them; how many have the hands of this count.
fn read(mut streams: Vec<TcpStream>, have: &AtomicUsize, count: &AtomicUsize, stop: &AtomicBool) {
    let mut inboxes: Vec<(Inbox, bool)> = streams.iter().map(|_| (Inbox::new(MOST_SAID), false)).collect();
    let mut bytes = vec![0; 64 << 10];
    while !stop.load(Ordering::Acquire) {
        let mut watched: Vec<PollFd> =
            streams.iter().map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN)).collect();
        if poll(&mut watched, PollTimeout::from(50_u8)).is_err() {
            return;
        }
        let ready: Vec<bool> = watched.iter().map(|one| one.any().unwrap_or(false)).collect();
        for ((stream, (inbox, greeted)), _) in
            streams.iter_mut().zip(&mut inboxes).zip(ready).filter(|(_, ready)| *ready)
        {
            match stream.read(&mut bytes) {
                Ok(read @ 1..) => inbox.push(&bytes[..read]),
                _ => continue,
            }
            while let Ok(Some(frame)) = inbox.next_frame() {
                if !std::mem::replace(greeted, true) {
                    continue;
                }
                let Some(Word::Page(page)) = heard(&frame) else { continue };
                let Some(hands) = page.choices.first().and_then(|choice| choice.hands) else { continue };
                if count.swap(hands as usize, Ordering::AcqRel) != hands as usize {
                    have.store(0, Ordering::Release);
                }
                have.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}
