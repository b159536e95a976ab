//! A demonstration that is shared: students follow in their own terminals, and nobody of
//! them, slow or hostile, harms the others or the wall. Run as root and as an ordinary
//! user.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use cloison::demo::follow::wire::{Inbox, MOST_SAID, Page, Refusal, Word, frame, heard};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use support::inventory::Inventory;
use support::{ENTER, F7, F10, PATIENCE, Place, Terminal, contents};

const WALL: (u16, u16) = (120, 36);
const SEAT: (u16, u16) = (80, 24);
/// With their solutions, which the program is without.
const LESSONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");

/// A wall at the first step of `uts`, where it is, and the code.
struct Wall {
    terminal: Terminal,
    at: SocketAddr,
    code: String,
}

impl Wall {
    /// At a port of its own: the usual one may be another test's next.
    fn start(place: &Place) -> Self {
        Self::start_with(place, "--share=127.0.0.1:0", &[])
    }

    fn start_with(place: &Place, share: &str, env: &[(&str, &str)]) -> Self {
        let args = ["demo", "uts", "--lessons", LESSONS, "--lang", "en", share];
        let terminal = place.start_with(WALL, &args, env);
        terminal.see("1/11");
        terminal.see("cloison follow");
        let text = terminal.text();
        let row = text.lines().last().unwrap().trim().to_owned();
        let words = row.strip_prefix("cloison follow ").unwrap();
        let (address, rest) = words.split_once("   code ").unwrap();
        let at = address.parse().unwrap_or_else(|_| format!("{address}:4040").parse().unwrap());
        let code = rest.split_once("   ").unwrap().0.to_owned();
        Self { terminal, at, code }
    }

    /// On to a step, by its number, past questions.
    fn go_to(&mut self, step: usize) {
        self.terminal.write("g");
        self.terminal.see("▸");
        for _ in 0..20 {
            self.terminal.write("\x1b[A");
        }
        for _ in 1..step {
            self.terminal.write("\x1b[B");
        }
        self.terminal.see(&format!("▸ {step:2}"));
        self.terminal.write(ENTER);
        self.terminal.see(&format!("{step}/11"));
    }

    fn followers(&self, count: usize) {
        self.terminal.see_line(&["cloison follow", &format!(" {count} follower")]);
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Somebody who is in.
    fn follower(&self) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(&frame(self.code.as_bytes())).unwrap();
        stream
    }
}

/// All that comes until the end, or until it is enough: greeting and words.
fn hear(stream: &mut TcpStream, mut enough: impl FnMut(&[Word]) -> bool) -> Vec<Word> {
    let (mut inbox, mut words, mut greeted) = (Inbox::new(MOST_SAID), Vec::new(), false);
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        inbox.push(&bytes[..count]);
        while let Some(frame) = inbox.next_frame().unwrap() {
            if std::mem::replace(&mut greeted, true) {
                words.push(heard(&frame).unwrap());
            }
        }
        if enough(&words) {
            return words;
        }
    }
    words
}

fn is_page(word: &Word, step: u32) -> bool {
    matches!(word, Word::Page(page) if page.step == step)
}

/// Whether the other end closes before long, whatever it says before.
fn is_let_go(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
    false
}

/// The inodes of the sockets that a process has.
fn sockets(pid: u32) -> BTreeSet<u64> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let texts = links.filter_map(|link| std::fs::read_link(link.path()).ok()?.to_str().map(str::to_owned));
    texts.filter_map(|text| text.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

/// What a process listens on, on any network: the addresses as /proc has them.
fn listens(pid: u32) -> Vec<String> {
    let own = sockets(pid);
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let listening = !table.starts_with("tcp") || fields[3] == "0A";
            if listening && own.contains(&fields[9].parse().unwrap()) {
                found.push(format!("{table} {}", fields[1]));
            }
        }
    }
    found
}

/// The named Unix sockets of a process.
fn names(pid: u32) -> BTreeSet<String> {
    let own = sockets(pid);
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap();
    let lines = text.lines().skip(1).map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let named = lines.filter(|fields| fields.len() > 7 && own.contains(&fields[6].parse().unwrap()));
    named.map(|fields| fields[7].to_owned()).collect()
}

#[test]
fn a_student_follows_in_the_other_language_at_their_own_pace() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let mut wall = Wall::start(&place);
    let mut seat = place.start(SEAT, &["follow", &wall.at.to_string(), "--lang", "fr"]);
    seat.see("Code :");
    seat.write("xxxxxx\r");
    seat.see("Ce n'est pas le code.");
    seat.write(&wall.code.to_lowercase());
    seat.write(ENTER);
    seat.see("Deux vues, un seul nom");
    wall.followers(1);
    // The question and the hands; not the answer, before it is revealed.
    wall.terminal.write(" ");
    seat.see("étape 2/11");
    seat.see("A  ");
    wall.terminal.write("v3 12 5\r");
    seat.see("12 mains");
    assert!(!seat.text().contains("◀ le noyau"), "{}", seat.text());
    wall.terminal.write("r");
    seat.see("étape 3/11");
    seat.see("◀ le noyau");
    seat.see("▼ l'étape continue (PgSuiv)");
    seat.write("\x1b[6~");
    seat.see("unshare(CLONE_NEWUSER|CLONE_NEWUTS)");
    wall.go_to(6);
    seat.see("✓  L'hôte a gardé son nom.");
    assert!(!seat.text().contains("hostname mistral"), "never the solution before it is typed: {}", seat.text());
    wall.terminal.write("t");
    seat.see("✓ Réussi.");
    seat.see("box$ hostname mistral-77");
    // Back to the first step, and a word when there is something new.
    seat.write("\x1b[H");
    seat.see("Deux vues, un seul nom");
    wall.terminal.write(" ");
    seat.see("▼ du nouveau (Fin)");
    seat.see("étape 7/11");
    seat.see("Deux vues, un seul nom");
    seat.write(F7);
    seat.see("Two views, one name");
    seat.write("\x1b[F");
    seat.wait_for("no news any more", |screen| !contents(screen).contains("something new"));
    wall.terminal.write(F10);
    wall.terminal.see("Enter: leave");
    wall.terminal.write(ENTER);
    seat.see("The demonstration has ended.");
    assert_eq!(wall.terminal.ended().code(), Some(0));
    seat.write("q");
    assert_eq!(seat.ended().code(), Some(0));
    seat.see_restored();
    wall.terminal.see_restored();
    before.must_come_back(&place);
}

#[test]
fn nothing_listens_unless_it_is_asked_for() {
    let place = Place::new();
    let wall = place.start(WALL, &["demo", "uts", "--lang", "en"]);
    wall.see("1/11");
    let pid = wall.pid();
    assert_eq!(listens(pid), Vec::<String>::new());
    assert!(names(pid).iter().all(|name| name.starts_with("@cloison-demo-")), "{:?}", names(pid));
    assert!(!wall.text().contains("cloison follow"));
    drop(wall);

    let shared = Wall::start_with(&place, "--share", &[]);
    let pid = shared.terminal.pid();
    let port = shared.at.port();
    let four = format!("tcp 0100007F:{port:04X}");
    let six = format!("tcp6 {}01000000:{port:04X}", "0".repeat(24));
    let found = listens(pid);
    assert!(found.contains(&four) && found.iter().all(|one| *one == four || *one == six), "{found:?}");
    assert!(names(pid).contains(&format!("@cloison-share-{}-{pid}", nix::unistd::geteuid())), "{:?}", names(pid));
    drop(shared);

    let open = Wall::start_with(&place, "--share=0.0.0.0:0", &[]);
    let found = listens(open.terminal.pid());
    assert!(found.len() == 1 && found[0].starts_with("tcp 00000000:"), "{found:?}");
    assert!(!open.at.ip().is_unspecified(), "the wall names an address that can be typed: {}", open.at);
    assert!(TcpStream::connect(open.at).is_ok());
}

#[test]
fn a_code_cannot_be_tried_out_and_who_is_in_stays_in() {
    let place = Place::new();
    let wall = Wall::start(&place);
    let mut inside = wall.follower();
    hear(&mut inside, |words| words.iter().any(|word| is_page(word, 0)));
    let tried = |code: &str| {
        let mut stream = wall.connect();
        stream.write_all(&frame(code.as_bytes())).unwrap();
        hear(&mut stream, |words| matches!(words[..], [Word::Page(_) | Word::Stand(_), ..]))
    };
    let start = Instant::now();
    let wrong: Vec<Vec<Word>> = (0..40).map(|n| tried(&format!("CCCC{n:02}"))).collect();
    let told = wrong.iter().filter(|words| **words == [Word::Refused(Refusal::Code)]).count();
    let most = 10 + 1 + usize::try_from(start.elapsed().as_secs()).unwrap() / 3;
    assert!((10..=most).contains(&told), "{told} of 40 were looked at: {wrong:?}");
    // The right one is not looked at either, or it could be told from the others.
    assert!(matches!(tried(&wall.code)[..], [Word::Refused(Refusal::Later(1..=3))]));
    wall.followers(1);
    std::thread::sleep(Duration::from_millis(3_200));
    assert!(!matches!(tried(&wall.code)[..], [Word::Refused(_)]));
}

#[test]
fn whoever_says_what_makes_no_sense_is_let_go_and_nobody_else_notices() {
    let place = Place::new();
    let mut wall = Wall::start(&place);
    let mut good = wall.follower();
    let said = |bytes: &[u8]| {
        let mut stream = wall.connect();
        // What is closed with bytes unread is reset: that is an end, too.
        let _ = stream.write_all(bytes);
        stream
    };
    let after_the_code = [frame(wall.code.as_bytes()), b"more".to_vec()].concat();
    let ten_megabytes = vec![b'x'; 10 << 20];
    let hostile: [&[u8]; 6] =
        [b"GET / HTTP/1.1\r\n\r\n", &[0xff; 64], &[65, 0, 0, 0], &after_the_code, &ten_megabytes, &frame(&[0xff; 40])];
    for bytes in hostile {
        assert!(is_let_go(&mut said(bytes)), "{:?}…", &bytes[..8.min(bytes.len())]);
    }
    // Half a frame, and a byte now and then: the door does not stay open for ever.
    let mut half = said(&[7, 0, 0, 0, b'K']);
    let mut slow = said(&[7]);
    let start = Instant::now();
    let slowly = std::thread::spawn(move || {
        let drips = (0..200).take_while(|_| {
            std::thread::sleep(Duration::from_millis(100));
            slow.write_all(&[0]).is_ok()
        });
        drips.count();
    });
    assert!(is_let_go(&mut half));
    slowly.join().unwrap();
    assert!(start.elapsed() < support::slow::seconds(15), "{:?}", start.elapsed());
    // Somebody who is in says more.
    let mut rude = wall.follower();
    wall.followers(2);
    rude.write_all(&frame(b"Leave")).unwrap();
    assert!(is_let_go(&mut rude));
    wall.followers(1);
    wall.terminal.write(" ");
    let words = hear(&mut good, |words| words.iter().any(|word| is_page(word, 1)));
    assert!(words.iter().any(|word| is_page(word, 1)));
    wall.terminal.see("2/11");
}

#[test]
fn nothing_of_the_teacher_is_told() {
    let place = Place::new();
    let secret = "tout-petit-secret-4711";
    let mut wall =
        Wall::start_with(&place, "--share=127.0.0.1:0", &[("SECRET", secret), ("HOME", &format!("/nowhere/{secret}"))]);
    let mut follower = wall.follower();
    let mut shell = String::new();
    for step in 2..=11 {
        wall.terminal.write("r");
        wall.terminal.see(&format!("{step}/11"));
        if step == 6 {
            wall.terminal.see("@chrysalide:");
            wall.terminal.write("t");
            wall.terminal.see("✓ Done.");
            // Typed unseen.
            wall.terminal.write("\x1bOS");
            wall.terminal.write("read -s word\r");
            std::thread::sleep(Duration::from_millis(500));
            wall.terminal.write(&format!("{secret}\r"));
            wall.terminal.write("echo seen by all\r");
            wall.terminal.see_line(&["seen by all"]);
            wall.terminal.write("\x1bOQ");
        }
    }
    let words = hear(&mut follower, |words| words.iter().any(|word| is_page(word, 10)));
    for word in &words {
        if let Word::Page(page) = word {
            shell.extend(page.typed.iter().map(|typed| typed.line.clone() + "\n"));
        }
    }
    let text = format!("{words:?}");
    assert!(!text.contains(secret), "{text}");
    assert!(shell.contains("echo seen by all") && shell.contains("hostname mistral-77"), "{shell}");
    // The presenter's notes, of any step.
    let mut looked = 0;
    for prose in [include_str!("../lessons/07-uts/en.md"), include_str!("../lessons/07-uts/fr.md")] {
        for notes in prose.split("### notes").skip(1) {
            let first = notes.trim().chars().take_while(|c| !matches!(c, '"' | '`' | '{' | '\n')).collect::<String>();
            looked += usize::from(first.len() > 12);
            assert!(first.len() <= 12 || !text.contains(&first), "{first}");
        }
    }
    assert!(looked > 8, "{looked}");
}

#[test]
fn when_the_wall_is_killed_those_who_follow_are_told_and_nothing_is_left() {
    let place = Place::new();
    let before = Inventory::take(&place);
    let mut wall = Wall::start(&place);
    let net = ["follow", &wall.at.to_string(), "--lang", "en", "--code", &wall.code];
    // The other way in: the socket of this machine.
    let here = ["follow", &wall.terminal.pid().to_string(), "--lang", "en", "--code", &wall.code];
    let mut seats = [place.start(SEAT, &net), place.start(SEAT, &here)];
    for seat in &seats {
        seat.see("Two views, one name");
    }
    wall.terminal.signal(Signal::SIGKILL);
    wall.terminal.ended();
    for seat in &mut seats {
        seat.see("The wall is gone.");
        assert!(seat.text().contains("Two views, one name"), "the text stays");
        seat.write("q");
        assert_eq!(seat.ended().code(), Some(0));
        seat.see_restored();
    }
    assert!(TcpStream::connect(wall.at).is_err(), "nobody listens any more");
    before.must_come_back(&place);
}

#[test]
fn a_follower_that_is_killed_gives_its_terminal_back_and_the_wall_counts_one_less() {
    let place = Place::new();
    let wall = Wall::start(&place);
    let seat = place.start(SEAT, &["follow", &wall.at.to_string(), "--lang", "en", "--code", &wall.code]);
    seat.see("Two views, one name");
    wall.followers(1);
    seat.signal(Signal::SIGKILL);
    seat.see_restored();
    wall.followers(0);
}

#[test]
fn what_cannot_be_followed_is_refused_with_the_remedy() {
    let place = Place::new();
    let words = |args: &[&str], code: i32| {
        let mut terminal = place.start(SEAT, &[&["follow", "--lang", "en"], args].concat());
        assert_eq!(terminal.ended().code(), Some(code), "{args:?}");
        terminal.see_restored();
        terminal.text().replace('\n', "")
    };
    assert!(words(&["http://x/"], 2).contains("foot of the wall"));
    assert!(words(&["nobody.invalid"], 1).contains("nobody.invalid"));
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    assert!(words(&[&closed.to_string()], 1).contains("ECONNREFUSED"));
    assert!(words(&["1"], 1).contains("shares no demonstration"));
    let told = |bytes: &'static [u8]| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(bytes).unwrap();
            // Stays until the other end goes.
            let _ = stream.read(&mut [0; 64]);
        });
        let text = words(&[&at], 1);
        other.join().unwrap();
        text
    };
    assert!(told(b"\x18\0\0\0cloison-follow 99 7.6.5\n").contains("cloison 7.6.5"));
    assert!(told(b"SSH-2.0-OpenSSH_9.2p1\r\n").contains("no wall of cloison"));
    assert!(told(b"\x08\0\0\0\x1b[2J\x1b[2J").contains("no wall of cloison"));
    let wall = Wall::start(&place);
    assert!(words(&[&wall.at.to_string(), "--code", "nothing"], 1).contains("not the code"));
    let taken = place.start(WALL, &["demo", "uts", "--lang", "en", &format!("--share={}", wall.at)]);
    taken.see("EADDRINUSE");
    assert!(String::from_utf8_lossy(&place.run(&["follow"]).stderr).contains("needs a terminal"));
}

#[test]
fn a_hostile_wall_cannot_act_on_a_followers_terminal_nor_hold_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let wall = std::thread::spawn(move || {
        // Greets the one who asks whether it is a wall.
        drop(listener.accept().unwrap().0.write_all(&cloison::demo::follow::wire::greeting()));
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&cloison::demo::follow::wire::greeting()).unwrap();
        let evil = "evil \x1b]0;title\x07\x1b[2J\u{202e}";
        let texts = || [evil.to_owned(), evil.to_owned()];
        let mut page = Page { step: 0, title: texts(), text: texts(), ..Page::default() };
        let stand = cloison::demo::follow::wire::Stand { title: texts(), steps: 1, at: 0, busy: false };
        stream.write_all(&cloison::demo::follow::wire::said(&Word::Stand(stand)).unwrap()).unwrap();
        // As much as the other end takes, until it goes.
        for n in 0_u64.. {
            page.text = [format!("{evil} {n}\n\n{}", "word ".repeat(20_000)), String::new()];
            let word = cloison::demo::follow::wire::said(&Word::Page(Box::new(page.clone()))).unwrap();
            if stream.write_all(&word).is_err() {
                return;
            }
        }
    });
    let place = Place::new();
    let mut seat = place.start(SEAT, &["follow", &at, "--lang", "en"]);
    seat.see("Code:");
    seat.write("x\r");
    seat.wait_now("what came", |screen, _| contents(screen).contains("evil ␛]0;title␇␛[2J"));
    let raw = seat.raw();
    assert!(!raw.windows(3).any(|bytes| bytes == b"\x1b]0"));
    seat.write("q");
    assert_eq!(seat.ended().code(), Some(0));
    wall.join().unwrap();
}

#[test]
fn a_connection_that_goes_is_made_again_and_what_was_read_stays() {
    use cloison::demo::follow::wire::{Stand, greeting, said};
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let wall = std::thread::spawn(move || {
        let serve = |steps: &[u32]| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&greeting()).unwrap();
            // The code.
            stream.read_exact(&mut [0; 5]).unwrap();
            for step in steps {
                let text = || [format!("text {step}"), format!("texte {step}")];
                let page = Page { step: *step, title: text(), text: text(), ..Page::default() };
                let stand = Stand { title: text(), steps: 9, at: *step, busy: false };
                stream.write_all(&said(&Word::Page(Box::new(page))).unwrap()).unwrap();
                let stand = Stand { title: ["Lesson".into(), "Leçon".into()], ..stand };
                stream.write_all(&said(&Word::Stand(stand)).unwrap()).unwrap();
            }
            wait.recv().unwrap();
            stream
        };
        // The code is tried first, then it goes in.
        drop(listener.accept().map(|(mut stream, _)| stream.write_all(&greeting())));
        drop(serve(&[0]));
        drop(serve(&[0]));
        let mut last = serve(&[1]);
        last.write_all(&said(&Word::Ended).unwrap()).unwrap();
    });
    let place = Place::new();
    go_on.send(()).unwrap();
    let mut seat = place.start(SEAT, &["follow", &at, "--lang", "fr", "--code", "x"]);
    seat.see("texte 0");
    go_on.send(()).unwrap();
    seat.wait_now("that it is tried again", |_, raw| String::from_utf8_lossy(raw).contains("tentative"));
    seat.see("texte 1");
    seat.wait_for("no more of it", |screen| !contents(screen).contains("tentative"));
    assert!(seat.text().contains("texte 0"));
    go_on.send(()).unwrap();
    seat.see("La démonstration est terminée.");
    seat.write("q");
    assert_eq!(seat.ended().code(), Some(0));
    wall.join().unwrap();
}

/// One who reads as fast as it comes, by one poll loop for all.
struct Listener {
    stream: TcpStream,
    inbox: Inbox,
    steps: Vec<u32>,
    last: Option<Page>,
    greeted: bool,
}

impl Listener {
    fn take(&mut self) {
        let mut bytes = [0; 16 << 10];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => panic!("let go after {:?}", self.steps),
                Ok(count) => self.inbox.push(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error} after {:?}", self.steps),
            }
        }
        while let Some(frame) = self.inbox.next_frame().unwrap() {
            if !std::mem::replace(&mut self.greeted, true) {
                continue;
            }
            match heard(&frame).unwrap() {
                Word::Page(page) => {
                    if self.steps.last() != Some(&page.step) {
                        self.steps.push(page.step);
                    }
                    self.last = Some(*page);
                }
                Word::Stand(_) | Word::Alive => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Takes what comes for all until all are as wanted.
fn until(all: &mut [Listener], wanted: impl Fn(&Listener) -> bool) {
    let deadline = Instant::now() + support::slow::seconds(PATIENCE.as_secs());
    while !all.iter().all(&wanted) {
        assert!(Instant::now() < deadline, "{} of {} are", all.iter().filter(|one| wanted(one)).count(), all.len());
        let mut watched: Vec<PollFd> =
            all.iter().map(|one| PollFd::new(one.stream.as_fd(), PollFlags::POLLIN)).collect();
        poll(&mut watched, PollTimeout::from(1_000_u16)).unwrap();
        let ready: Vec<bool> = watched.iter().map(|one| one.any().unwrap()).collect();
        all.iter_mut().zip(ready).filter(|(_, ready)| *ready).for_each(|(one, _)| one.take());
    }
}

#[test]
fn two_hundred_follow_and_nothing_is_lost_for_them_though_some_never_read() {
    const FOLLOWERS: usize = 200;
    let place = Place::new();
    let mut wall = Wall::start(&place);
    // They take nothing of what comes, ever.
    let stuck: Vec<TcpStream> = (0..3).map(|_| wall.follower()).collect();
    let mut all: Vec<Listener> = (0..FOLLOWERS)
        .map(|_| {
            let stream = wall.follower();
            stream.set_nonblocking(true).unwrap();
            Listener { stream, inbox: Inbox::new(MOST_SAID), steps: Vec::new(), last: None, greeted: false }
        })
        .collect();
    until(&mut all, |one| one.steps == [0]);
    wall.followers(FOLLOWERS + stuck.len());
    for step in 1..=5 {
        wall.terminal.write("r");
        wall.terminal.see(&format!("{}/11", step + 1));
        until(&mut all, |one| one.steps.last() == Some(&step));
    }
    wall.terminal.see("@chrysalide:");
    wall.terminal.write("t");
    let typed = |one: &Listener| one.last.as_ref().is_some_and(|page| page.done && page.typed.len() == 1);
    until(&mut all, typed);
    for step in 6..=10 {
        wall.terminal.write("r");
        wall.terminal.see(&format!("{}/11", step + 1));
        until(&mut all, |one| one.steps.last() == Some(&step));
    }
    let every: Vec<u32> = (0..=10).collect();
    assert!(all.iter().all(|one| one.steps == every), "each of them saw each step, in order");
    let last = all[0].last.clone();
    assert!(all.iter().all(|one| one.last == last));
    // Who comes late reads what was before, each step once.
    let mut late = wall.follower();
    let words = hear(&mut late, |words| words.iter().any(|word| is_page(word, 10)));
    let pages: Vec<u32> =
        words.iter().filter_map(|word| if let Word::Page(page) = word { Some(page.step) } else { None }).collect();
    assert_eq!(pages, every);
}
