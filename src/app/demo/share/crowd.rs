//! Those who have connected: at the door, until the code has come, and those who are in.
//! Decides who may stay; a follower holds at most one frame here, whatever it doesn't read.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::board::Board;
use super::peers::{Peer, Tries};
use crate::demo::follow::Code;
use crate::demo::follow::wire::{ALIVE, Inbox, MOST_TYPED, Refusal, Word, greeting, said};

/// So many are in at a time.
pub const MOST: usize = 256;
/// So many are at the door at a time.
pub const MOST_AT_DOOR: usize = 64;
/// How long the code may take to come.
const DOOR: Duration = Duration::from_secs(5);
/// How long one who is in may take nothing of what waits.
const STUCK: Duration = Duration::from_secs(30);

/// Somebody who has connected.
struct Follower {
    fd: OwnedFd,
    peer: Peer,
    /// Both ends, where they are over TCP.
    ends: Option<(SocketAddr, SocketAddr)>,
    place: Place,
    out: VecDeque<Arc<[u8]>>,
    /// The bytes of the first of them that are gone.
    gone: usize,
    /// When something was taken last, and when there was something to be said.
    moved: Instant,
    gone_wrong: bool,
}

enum Place {
    /// Has to say the code.
    Door(Inbox, Instant),
    /// Has all changes up to this one, or has them under way.
    In(u64),
}

/// All of them.
pub struct Crowd {
    code: Code,
    tries: Tries,
    all: Vec<Follower>,
    greeting: Arc<[u8]>,
    alive: Arc<[u8]>,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(code: Code) -> Self {
        let alive = said(&Word::Alive).unwrap_or_default();
        Self { code, tries: Tries::default(), all: Vec::new(), greeting: greeting().into(), alive: alive.into() }
    }

    /// How many are in.
    pub fn count(&self) -> usize {
        self.all.iter().filter(|one| one.is_in()).count()
    }

    /// What is to be watched of each, in order: whether it waits to be written to, too.
    pub fn watched(&self) -> impl Iterator<Item = (BorrowedFd<'_>, bool)> {
        self.all.iter().map(|one| (one.fd.as_fd(), !one.out.is_empty()))
    }

    /// Somebody has connected. The code is mostly there already.
    pub fn came(&mut self, fd: OwnedFd, peer: Peer, ends: Option<(SocketAddr, SocketAddr)>, now: Instant) {
        let place = Place::Door(Inbox::new(MOST_TYPED), now + DOOR);
        let out = VecDeque::from([Arc::clone(&self.greeting)]);
        self.all.push(Follower { fd, peer, ends, place, out, gone: 0, moved: now, gone_wrong: false });
        let at = self.all.len() - 1;
        self.heard(at, now);
        if self.all.iter().filter(|one| one.is_at_door()).count() > MOST_AT_DOOR {
            // Whoever has most there makes room: their first.
            let crowded = self.crowded(Follower::is_at_door);
            let first =
                self.all.iter_mut().find(|one| one.is_at_door() && Some(one.peer) == crowded.map(|(peer, _)| peer));
            first.into_iter().for_each(Follower::end);
        }
    }

    /// The one of this index may have said something.
    pub fn heard(&mut self, at: usize, now: Instant) {
        let Some(one) = self.all.get_mut(at) else { return };
        let mut bytes = [0; 2 * MOST_TYPED];
        let count = match nix::unistd::read(&one.fd, &mut bytes) {
            Err(Errno::EAGAIN | Errno::EINTR) => return,
            Ok(0) | Err(_) => return one.end(),
            Ok(count) => count,
        };
        // After the code there is nothing to be said.
        let Place::Door(inbox, _) = &mut one.place else { return one.end() };
        inbox.push(&bytes[..count]);
        match inbox.next_frame() {
            Ok(None) => {}
            Ok(Some(frame)) if inbox.is_empty() => self.judge(at, &frame, now),
            _ => one.end(),
        }
    }

    /// Lets in who says the code.
    fn judge(&mut self, at: usize, frame: &[u8], now: Instant) {
        let one = &mut self.all[at];
        if let Some((ours, theirs)) = one.ends {
            one.peer = one.peer.narrowed(ours, theirs);
        }
        let peer = one.peer;
        let refusal = if let Some(wait) = self.tries.wait(peer, now) {
            Some(Refusal::Later(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1)))
        } else if std::str::from_utf8(frame).is_ok_and(|typed| self.code.is(typed)) {
            (!self.room_for(peer)).then_some(Refusal::Full)
        } else {
            self.tries.wrong(peer, now);
            Some(Refusal::Code)
        };
        let one = &mut self.all[at];
        match refusal {
            None => one.place = Place::In(0),
            Some(refusal) => {
                one.out.extend(said(&Word::Refused(refusal)).map(Arc::from));
                // There is room for so little; what has no room is not worth waiting for.
                let _ = one.flush(now);
                one.end();
            }
        }
    }

    /// Whether somebody of this peer may come in: where all places are taken, one who has
    /// more of them than this one would gives up the last.
    fn room_for(&mut self, peer: Peer) -> bool {
        if self.count() < MOST {
            return true;
        }
        let own = self.all.iter().filter(|one| one.is_in() && one.peer == peer).count();
        let Some((crowded, _)) = self.crowded(Follower::is_in).filter(|(_, most)| *most > own + 1) else {
            return false;
        };
        let last = self.all.iter_mut().rfind(|one| one.is_in() && one.peer == crowded);
        if let Some(one) = last {
            one.out.extend(said(&Word::Refused(Refusal::Full)).map(Arc::from));
            let _ = one.flush(Instant::now());
            one.end();
        }
        true
    }

    /// Who of these has most connections, and how many.
    fn crowded(&self, of: impl Fn(&Follower) -> bool) -> Option<(Peer, usize)> {
        let mut counts: HashMap<Peer, usize> = HashMap::new();
        self.all.iter().filter(|one| of(one)).for_each(|one| *counts.entry(one.peer).or_default() += 1);
        counts.into_iter().max_by_key(|(_, count)| *count)
    }

    /// Writes to everybody what they have not got yet and take now; lets go of those who
    /// are gone, or too slow.
    pub fn serve(&mut self, board: &Board, now: Instant) {
        for one in &mut self.all {
            one.serve(board, &self.alive, now);
        }
        self.all.retain(|one| !one.gone_wrong);
    }

    /// When something changes by itself next.
    pub fn deadline(&self) -> Option<Instant> {
        let due = |one: &Follower| match &one.place {
            Place::Door(_, until) => *until,
            Place::In(_) if one.out.is_empty() => one.moved + Duration::from_secs(ALIVE),
            Place::In(_) => one.moved + STUCK,
        };
        self.all.iter().map(due).min()
    }

    /// The demonstration is over: says so to all who take it within so long.
    pub fn end(&mut self, patience: Duration) {
        let ended: Arc<[u8]> = said(&Word::Ended).unwrap_or_default().into();
        for one in self.all.iter_mut().filter(|one| one.is_in()) {
            one.out.push_back(Arc::clone(&ended));
        }
        let until = Instant::now() + patience;
        loop {
            for one in &mut self.all {
                if one.flush(Instant::now()).is_err() || one.out.is_empty() {
                    one.end();
                }
            }
            self.all.retain(|one| !one.gone_wrong);
            if self.all.is_empty() || Instant::now() >= until {
                return;
            }
            let _ = nix::poll::poll(&mut [], nix::poll::PollTimeout::from(10_u8));
        }
    }
}

impl Follower {
    fn is_in(&self) -> bool {
        matches!(self.place, Place::In(_)) && !self.gone_wrong
    }

    fn is_at_door(&self) -> bool {
        matches!(self.place, Place::Door(..)) && !self.gone_wrong
    }

    fn end(&mut self) {
        self.gone_wrong = true;
    }

    fn serve(&mut self, board: &Board, alive: &Arc<[u8]>, now: Instant) {
        loop {
            if self.flush(now).is_err() {
                return self.end();
            }
            // Nothing more is made ready for it before it has taken what is under way.
            let Place::In(has) = &mut self.place else { break };
            let Some((change, bytes)) = board.after(*has).filter(|_| self.out.is_empty()) else { break };
            *has = change;
            self.out.push_back(bytes);
            // What waits has waited since now.
            self.moved = now;
        }
        match &self.place {
            Place::Door(_, until) if *until <= now => self.end(),
            Place::In(_) if self.out.is_empty() && self.moved + Duration::from_secs(ALIVE) <= now => {
                self.moved = now;
                self.out.push_back(Arc::clone(alive));
                if self.flush(now).is_err() {
                    self.end();
                }
            }
            Place::In(_) if !self.out.is_empty() && self.moved + STUCK <= now => self.end(),
            _ => {}
        }
    }

    /// Writes what is taken now.
    fn flush(&mut self, now: Instant) -> io::Result<()> {
        while let Some(first) = self.out.front() {
            if self.gone == first.len() {
                self.out.pop_front();
                self.gone = 0;
                continue;
            }
            // A socket that is closed is EPIPE: the runtime ignores SIGPIPE.
            match nix::unistd::write(&self.fd, &first[self.gone..]) {
                Ok(count) => {
                    self.gone += count;
                    self.moved = now;
                }
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::demo::share::board::board;
    use crate::demo::follow::wire::{MOST_SAID, Page, Stand, frame, heard};
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    /// A crowd that nobody is in, and its code.
    fn crowd() -> (Crowd, Vec<u8>) {
        let code = Code::from_random(&[0, 1, 2, 3, 4, 5]).unwrap();
        let typed = frame(code.shown().as_bytes());
        (Crowd::new(code), typed)
    }

    /// Somebody comes, and says this at once.
    fn comes(crowd: &mut Crowd, user: u32, says: &[u8]) -> UnixStream {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        theirs.write_all(says).unwrap();
        crowd.came(ours.into(), Peer::User(user), None, Instant::now());
        theirs
    }

    /// The words that have come.
    fn words(stream: &mut UnixStream) -> Vec<Word> {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let mut inbox = Inbox::new(MOST_SAID);
        inbox.push(&bytes);
        let frames = std::iter::from_fn(|| inbox.next_frame().unwrap());
        frames.skip(1).map(|frame| heard(&frame).unwrap()).collect()
    }

    #[test]
    fn who_has_most_places_gives_up_one_for_who_has_none() {
        let ((mut crowd, code), (_teller, board)) = (crowd(), board().unwrap());
        let mut greedy: Vec<UnixStream> = (0..MOST).map(|_| comes(&mut crowd, 1, &code)).collect();
        assert_eq!(crowd.count(), MOST);
        let mut more = comes(&mut crowd, 1, &code);
        assert_eq!(words(&mut more), [Word::Refused(Refusal::Full)]);
        let mut others: Vec<UnixStream> = (0..3).map(|_| comes(&mut crowd, 2, &code)).collect();
        crowd.serve(&board, Instant::now());
        assert_eq!(crowd.count(), MOST);
        assert!(others.iter_mut().all(|other| words(other).is_empty()), "they are in");
        let told = greedy.iter_mut().map(words);
        let gone = told.filter(|told| *told == [Word::Refused(Refusal::Full)]).count();
        assert_eq!(gone, 3, "and are told why");
    }

    #[test]
    fn who_crowds_the_door_makes_room_there_and_all_have_to_say_the_code_in_time() {
        let ((mut crowd, code), (_teller, board)) = (crowd(), board().unwrap());
        let mut honest = comes(&mut crowd, 2, &[]);
        let silent: Vec<UnixStream> = (0..3 * MOST_AT_DOOR).map(|_| comes(&mut crowd, 1, &[])).collect();
        crowd.serve(&board, Instant::now());
        assert_eq!(crowd.watched().count(), MOST_AT_DOOR);
        honest.write_all(&code).unwrap();
        crowd.heard(0, Instant::now());
        assert_eq!(crowd.count(), 1);
        crowd.serve(&board, Instant::now() + DOOR);
        assert_eq!(crowd.watched().count(), 1, "those who were silent are gone");
        drop(silent);
    }

    #[test]
    fn one_that_never_reads_costs_a_frame_and_is_let_go_in_the_end() {
        let ((mut crowd, code), (teller, mut board)) = (crowd(), board().unwrap());
        let (_stuck, mut reads) = (comes(&mut crowd, 1, &code), comes(&mut crowd, 2, &code));
        let now = Instant::now();
        let (mut last, mut told) = (String::new(), Vec::new());
        for n in 0..50 {
            last = format!("{n} {}", "x".repeat(60_000));
            let page = Page { step: n % 3, text: [last.clone(), String::new()], ..Page::default() };
            teller.tell(Stand { steps: 3, at: n % 3, ..Stand::default() }, Some(page));
            assert!(board.refresh());
            crowd.serve(&board, now);
            let _ = reads.read_to_end(&mut told);
            assert!(crowd.all.iter().all(|one| one.out.len() <= 2), "a frame, and what it was greeted with");
        }
        // Nothing is lost for who reads: the last is what there is.
        for _ in 0..20 {
            crowd.serve(&board, now);
            let _ = reads.read_to_end(&mut told);
        }
        assert!(told.windows(last.len()).any(|bytes| bytes == last.as_bytes()));
        assert_eq!(crowd.count(), 2);
        crowd.serve(&board, now + STUCK);
        assert_eq!(crowd.count(), 1);
    }

    #[test]
    fn who_is_in_hears_from_the_wall_now_and_then_and_that_it_is_over() {
        let ((mut crowd, code), (_teller, board)) = (crowd(), board().unwrap());
        let mut one = comes(&mut crowd, 1, &code);
        let now = Instant::now();
        crowd.serve(&board, now);
        assert_eq!(words(&mut one), []);
        crowd.serve(&board, now + Duration::from_secs(ALIVE + 1));
        let mut bytes = [0; 64];
        assert_eq!(one.read(&mut bytes).unwrap(), crowd.alive.len());
        crowd.end(Duration::from_secs(1));
        let mut rest = Vec::new();
        one.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, said(&Word::Ended).unwrap());
    }
}
