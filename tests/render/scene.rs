//! A small test language: a scene is a screen with a lesson on it and a lab that
//! answers at once. `Scene::lesson().size(80, 24).lang(Fr).step("rename").text()`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cloison::i18n::Lang;
use cloison::lesson::Values;
use cloison::lesson::answers::Answers;
use cloison::lesson::model::{
    Check, Do, Lesson, LessonText, Operand, Pane, Part, Predicate, Predict, Reaction, Step, StepText, Task,
};
use cloison::lesson::op::{MapKind, NsKind, Op};
use cloison::observe::model::{
    ActorView, Built, Caps, Clocks, IdRange, Ids, Ipc, Mount, Namespaces, Net, Process, Root, Securebits, TimeOffsets,
    Unread, Users, Uts, View, Wall, WallState,
};
use cloison::observe::{Call, Errno, Reading, Snapshot};
use cloison::session::{Effect, OpOutcome, StepOutcome};
use cloison::ui::event::{Entry, EntryState, Event, Finding, LessonSummary, Request, ShellHandle};
use cloison::ui::model::{Focus, LessonScreen};
use cloison::ui::projector::Projector;
use cloison::ui::update::{tick, update};
use cloison::ui::{Model, Theme, view};
use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use indexmap::IndexMap;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;

/// A screen under test.
pub struct Scene {
    pub model: Model,
    pub snapshot: Snapshot,
    pub requests: Vec<Request>,
    /// What was typed into shells.
    pub typed: Arc<Mutex<Vec<u8>>>,
    /// The sizes that shells were given: rows, columns.
    pub sizes: Arc<Mutex<Vec<(u16, u16)>>>,
    now: Instant,
    shells: u64,
}

impl Scene {
    /// The list of lessons, 120×36, English, dark.
    pub fn list() -> Self {
        let model = Model::new(Lang::En, Theme::DARK, Size::new(120, 36), entries());
        let (typed, sizes) = (Arc::default(), Arc::default());
        let now = Instant::now();
        let mut scene = Self { model, snapshot: snapshot(), requests: Vec::new(), typed, sizes, now, shells: 0 };
        scene.model.machine =
            ["Linux 6.8, user namespaces: yes".to_owned(), "Linux 6.8, espaces de noms user : oui".to_owned()];
        scene
    }

    /// The test lesson at its first step, 120×36, English, dark.
    pub fn lesson() -> Self {
        Self::lesson_with(|_| ())
    }

    /// The test lesson, changed.
    pub fn lesson_with(change: impl FnOnce(&mut Lesson)) -> Self {
        let mut scene = Self::list();
        let mut lesson = lesson();
        change(&mut lesson);
        let values = Values::new(&lesson, "ana");
        scene.event(Event::Opened { lesson: Arc::new(lesson), answers: Box::default(), values });
        scene
    }

    /// The same lesson, or another, on a projector; its task has something to type.
    pub fn wall(lesson: Lesson) -> Self {
        let mut scene = Self::list();
        let commands = [("box".to_owned(), "hostname cigale-42".to_owned())].into_iter().collect();
        let tasks = [("rename".to_owned(), commands)].into_iter().collect();
        let solution = Answers { student: "ana".to_owned(), tasks, ..Answers::default() };
        scene.model.projector = Some(Projector::new(solution));
        scene.model.theme = Theme::DARK.projected();
        let values = Values::new(&lesson, "ana");
        scene.event(Event::Opened { lesson: Arc::new(lesson), answers: Box::default(), values });
        scene
    }

    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.event(Event::Terminal(Input::Resize(width, height)));
        self
    }

    pub fn theme(mut self, theme: Theme) -> Self {
        self.model.theme = theme;
        self.size_again()
    }

    /// The language, switched as a person does.
    pub fn lang(mut self, lang: Lang) -> Self {
        if self.model.lang != lang {
            self = self.key(KeyCode::F(7));
        }
        self
    }

    /// Goes on to a step; predictions on the way are made, wrongly.
    pub fn step(mut self, id: &str) -> Self {
        let at = lesson().steps.iter().position(|step| step.id == id).expect("a step of the test lesson");
        while self.model.lesson().expect("a lesson").session.step() < at {
            let open = self.model.lesson().and_then(|lesson| lesson.session.prediction());
            if open.is_some_and(|prediction| prediction.chosen.is_none()) {
                self = self.key(KeyCode::F(2)).key(KeyCode::Char('1'));
            }
            self = self.key(KeyCode::F(9));
        }
        self
    }

    /// Changes what the lab is like, and lets it be seen.
    pub fn snapshot(mut self, change: impl FnOnce(&mut Snapshot)) -> Self {
        change(&mut self.snapshot);
        self.snapshot.taken += 100_000;
        let snapshot = Arc::new(self.snapshot.clone());
        self.event(Event::Observed(snapshot));
        self
    }

    pub fn key(self, code: KeyCode) -> Self {
        self.keys(KeyEvent::from(code))
    }

    pub fn ctrl(self, c: char) -> Self {
        self.keys(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
    }

    /// Types a text, a key at a time.
    pub fn keys_of(self, text: &str) -> Self {
        text.chars().fold(self, |scene, c| scene.key(KeyCode::Char(c)))
    }

    /// Gives the keyboard to the panes and brings one to the front.
    pub fn pane(mut self, pane: cloison::ui::layout::Pane) -> Self {
        if self.model.lesson().expect("a lesson").focus != Focus::Panes {
            self = self.key(KeyCode::F(3));
        }
        for _ in LessonScreen::tabs(self.model.size) {
            if self.model.lesson().expect("a lesson").pane == pane {
                return self;
            }
            self = self.key(KeyCode::Right);
        }
        panic!("no tab of {pane:?} here");
    }

    /// The mouse does something at a place.
    pub fn mouse(mut self, kind: MouseEventKind, (column, row): (u16, u16)) -> Self {
        let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        self.event(Event::Terminal(Input::Mouse(event)));
        self
    }

    /// Clicks where a text begins, long after the last click.
    pub fn click(self, text: &str) -> Self {
        let place = self.find(text).unwrap_or_else(|| panic!("{text} is not there:\n{}", self.text()));
        self.wait(1_000).mouse(MouseEventKind::Down(MouseButton::Left), place)
    }

    /// Clicks there twice at once.
    pub fn double_click(self, text: &str) -> Self {
        let place = self.find(text).unwrap_or_else(|| panic!("{text} is not there:\n{}", self.text()));
        self.click(text).mouse(MouseEventKind::Down(MouseButton::Left), place)
    }

    /// A key; what it asks of the lab is not answered yet.
    pub fn pressed(&mut self, code: KeyCode) -> Vec<Request> {
        update(&mut self.model, Event::Terminal(Input::Key(KeyEvent::from(code))), self.now)
    }

    /// The lab answers what was asked.
    pub fn served(mut self, requests: &[Request]) -> Self {
        for event in requests.iter().flat_map(|request| self.answer(request)).collect::<Vec<_>>() {
            self.event(event);
        }
        self
    }

    fn keys(mut self, key: KeyEvent) -> Self {
        self.event(Event::Terminal(Input::Key(key)));
        self
    }

    /// Something comes in; the lab answers what is asked of it at once.
    pub fn event(&mut self, event: Event) {
        let requests = update(&mut self.model, event, self.now);
        for request in requests {
            let answers = self.answer(&request);
            self.requests.push(request);
            for event in answers {
                self.event(event);
            }
        }
    }

    /// Lets time pass.
    pub fn wait(mut self, millis: u64) -> Self {
        self.now += Duration::from_millis(millis);
        tick(&mut self.model, self.now);
        self
    }

    fn size_again(self) -> Self {
        let Size { width, height } = self.model.size;
        self.size(width - 1, height).size(width, height)
    }

    fn answer(&mut self, request: &Request) -> Vec<Event> {
        let observed = || Event::Observed(Arc::new(self.snapshot.clone()));
        match request {
            Request::Session(Effect::Perform { step }) => vec![observed(), Event::Performed(outcome(*step))],
            Request::Session(Effect::Rebuild { to, .. }) => {
                vec![observed(), Event::Rebuilt { to: *to, outcomes: (0..=*to).map(outcome).collect() }]
            }
            Request::OpenShell { actor, .. } => {
                self.shells += 1;
                let handle = Box::new(Fake { typed: Arc::clone(&self.typed), sizes: Arc::clone(&self.sizes) });
                vec![Event::ShellOpened { id: self.shells, actor: actor.clone(), handle }]
            }
            Request::Doctor => vec![Event::Doctor(vec![Finding {
                works: false,
                name: "timens".to_owned(),
                why: "EPERM".to_owned(),
                remedy: "sysctl".to_owned(),
            }])],
            _ => Vec::new(),
        }
    }

    /// The cells as they were asked for, before the terminal has taken any.
    pub fn frame(&self) -> Buffer {
        let Size { width, height } = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test backend");
        let drawn = terminal.draw(|frame| view::render(frame, &self.model)).expect("drawing on a test backend");
        drawn.buffer.clone()
    }

    /// The cells as drawn.
    pub fn buffer(&self) -> Buffer {
        let Size { width, height } = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test backend");
        terminal.draw(|frame| view::render(frame, &self.model)).expect("drawing on a test backend");
        terminal.backend().buffer().clone()
    }

    /// The screen as text, without spaces at the ends of lines.
    pub fn text(&self) -> String {
        let buffer = self.buffer();
        let rows = buffer.content().chunks(usize::from(buffer.area.width));
        let rows = rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
        rows.map(|row| row.trim_end().to_owned() + "\n").collect()
    }

    /// Whether the screen says this somewhere.
    pub fn says(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// Where a text begins on the screen: column and row.
    pub fn find(&self, text: &str) -> Option<(u16, u16)> {
        let buffer = self.buffer();
        let width = usize::from(buffer.area.width);
        buffer.content().chunks(width).enumerate().find_map(|(y, row)| {
            (0..width).find_map(|x| {
                let from: String = row[x..].iter().map(ratatui::buffer::Cell::symbol).collect();
                from.starts_with(text).then(|| (u16::try_from(x).expect("small"), u16::try_from(y).expect("small")))
            })
        })
    }
}

struct Fake {
    typed: Arc<Mutex<Vec<u8>>>,
    sizes: Arc<Mutex<Vec<(u16, u16)>>>,
}

impl ShellHandle for Fake {
    fn write(&mut self, bytes: &[u8]) {
        self.typed.lock().expect("no panic").extend_from_slice(bytes);
    }

    fn resize(&mut self, rows: u16, cols: u16) {
        self.sizes.lock().expect("no panic").push((rows, cols));
    }
}

fn step(id: &str) -> Step {
    Step {
        id: id.to_owned(),
        show: None,
        boxed: None,
        predict: None,
        recall: None,
        ops: Vec::new(),
        expect: Vec::new(),
        task: None,
    }
}

/// A lesson about host names, written for these tests.
pub fn lesson() -> Lesson {
    let unshare = Op::Unshare { kinds: vec![NsKind::User, NsKind::Uts], map: Some(MapKind::Root) };
    let name = |id: &str, at: &str, is| Check { id: id.to_owned(), at: at.to_owned(), is };
    let cigale = || Operand::Value("cigale-42".into());
    let task = Task {
        shells: vec!["box".to_owned()],
        points: 3,
        seconds: 10,
        trace: false,
        after: Vec::new(),
        checks: vec![
            name("renamed", "$.actors.box.seen.uts.hostname", Predicate::Equals(cigale())),
            name("host-kept", "$.host.uts.hostname", Predicate::Unchanged),
        ],
        reactions: vec![Reaction {
            when: name("wrong", "$.host.uts.hostname", Predicate::Equals(cigale())),
            say: "wrong-side".to_owned(),
        }],
    };
    let predict =
        Predict { choices: vec!["same".to_owned(), "other".to_owned()], answer: "other".to_owned(), points: 1 };
    Lesson {
        id: "uts".to_owned(),
        number: 7,
        part: Part::C,
        needs: Vec::new(),
        tools: vec!["hostname".to_owned()],
        since: Some("2.6.19".to_owned()),
        minutes: 6,
        seeds: IndexMap::new(),
        host_shell: true,
        actors: vec!["box".to_owned()],
        from_shells: Vec::new(),
        files: Vec::new(),
        steps: vec![
            Step { show: Some(Pane::Processes), boxed: Some("box".to_owned()), ..step("look") },
            Step { predict: Some(predict), ..step("guess") },
            Step {
                show: Some(Pane::Names),
                ops: vec![Do { actor: "box".to_owned(), op: unshare, fails: None }],
                recall: Some("guess".to_owned()),
                ..step("unshare")
            },
            Step { task: Some(task), ..step("rename") },
        ],
        texts: BTreeMap::from([(Lang::En, english()), (Lang::Fr, french())]),
    }
}

fn text(title: &str, body: &str) -> StepText {
    StepText { title: title.to_owned(), body: body.to_owned(), ..StepText::default() }
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
}

fn english() -> LessonText {
    LessonText {
        title: "Two names for one machine".to_owned(),
        summary: "A UTS namespace gives a box a host name of its own.".to_owned(),
        steps: vec![
            text(
                "Look",
                "The box is a **plain child process**. It sees the host's name, `{$.host.uts.hostname}`.\n\n- same kernel\n- same *name*\n\n```\n$ uname -n\n```",
            ),
            StepText {
                choices: pairs(&[("same", "The host is renamed **too**."), ("other", "Only the box is renamed.")]),
                ..text(
                    "Before you see",
                    "The box leaves the UTS namespace and then changes its name. What happens to the host?",
                )
            },
            StepText {
                why: Some("A UTS namespace holds exactly two strings.".to_owned()),
                ..text("Leave", "The box has made one call.")
            },
            StepText {
                hints: vec![
                    "Which program prints the name?".to_owned(),
                    "`hostname` sets it, too.".to_owned(),
                    "`hostname cigale-…`".to_owned(),
                ],
                reactions: pairs(&[("wrong-side", "That was the **host's** shell.")]),
                checks: pairs(&[
                    ("renamed", "the box is called `cigale-42`"),
                    ("host-kept", "the host keeps its name"),
                ]),
                why: Some("Each side has its own copy.".to_owned()),
                ..text("Rename one side", "From the box's shell, call it `cigale-42`.")
            },
        ],
    }
}

fn french() -> LessonText {
    LessonText {
        title: "Deux noms pour une machine".to_owned(),
        summary: "Un espace de noms UTS donne à la boîte son propre nom d'hôte.".to_owned(),
        steps: vec![
            text(
                "Observez",
                "La boîte est un **simple processus fils**. Elle voit le nom de l'hôte, `{$.host.uts.hostname}`.\n\n- même noyau\n- même *nom*\n\n```\n$ uname -n\n```",
            ),
            StepText {
                choices: pairs(&[
                    ("same", "L'hôte change **aussi** de nom."),
                    ("other", "Seule la boîte change de nom."),
                ]),
                ..text(
                    "Avant de voir",
                    "La boîte quitte l'espace de noms UTS, puis change de nom. Que devient l'hôte\u{a0}?",
                )
            },
            StepText {
                why: Some("Un espace de noms UTS contient exactement deux chaînes.".to_owned()),
                ..text("Partir", "La boîte a fait un seul appel.")
            },
            StepText {
                hints: vec![
                    "Quel programme affiche le nom\u{a0}?".to_owned(),
                    "`hostname` le change aussi.".to_owned(),
                    "`hostname cigale-…`".to_owned(),
                ],
                reactions: pairs(&[("wrong-side", "C'était le shell de l'**hôte**.")]),
                checks: pairs(&[("renamed", "la boîte s'appelle `cigale-42`"), ("host-kept", "l'hôte garde son nom")]),
                why: Some("Chaque côté a sa copie.".to_owned()),
                ..text("Renommez un côté", "Depuis le shell de la boîte, appelez-la `cigale-42`.")
            },
        ],
    }
}

pub fn outcome(step: usize) -> StepOutcome {
    let call = |name: &str, args: &[&str], result, micros| Call {
        name: name.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        result,
        micros,
    };
    let ops = match step {
        2 => vec![OpOutcome {
            actor: "box".to_owned(),
            calls: vec![
                call("unshare", &["CLONE_NEWUSER|CLONE_NEWUTS"], Ok(0), 31),
                call("write", &["\"/proc/48213/setgroups\"", "\"deny\""], Ok(4), 9),
                call("write", &["\"/proc/48213/uid_map\"", "\"0 1000 1\""], Ok(8), 12),
                call("write", &["\"/proc/48213/gid_map\"", "\"0 1000 1\""], Ok(8), 7),
                call("setresgid", &["0", "0", "0"], Ok(0), 2),
                call("setresuid", &["0", "0", "0"], Ok(0), 2),
                call("sethostname", &["\"a-name-beyond-the-sixty-four-bytes-allowed\"", "75"], Err(Errno(22)), 1_210),
            ],
            failure: None,
        }],
        _ => Vec::new(),
    };
    StepOutcome { step, ops, micros: 2_140 }
}

pub fn process(pid: u32, ppid: u32, user: &str, command: &str) -> Process {
    Process {
        pid,
        ppid,
        nspid: vec![pid],
        pid_ns: Some(100),
        uid: if user == "root" { 0 } else { 1000 },
        gid: 1000,
        user: Some(user.to_owned()),
        state: 'S',
        name: command.split(' ').next().unwrap_or_default().to_owned(),
        command: command.to_owned(),
    }
}

pub fn mount(id: u32, target: &str) -> Mount {
    Mount {
        id,
        parent: 1,
        device: format!("8:{id}"),
        root: "/".to_owned(),
        target: target.to_owned(),
        options: "rw".to_owned(),
        propagation: vec!["shared:1".to_owned()],
        fstype: "ext4".to_owned(),
        source: format!("/dev/sda{id}"),
    }
}

fn side(hostname: &str, user: &str, processes: Vec<Process>, mounts: Vec<Mount>) -> View {
    let uid = if user == "root" { 0 } else { 1000 };
    View {
        ids: Reading::Read(Ids { pid: 1, ppid: 0, uid, gid: uid, user: Some(user.to_owned()) }),
        uts: Reading::Read(Uts {
            hostname: hostname.to_owned(),
            domainname: "(none)".to_owned(),
            release: "6.8.0-45-generic".to_owned(),
        }),
        ns: BTreeMap::new(),
        owners: BTreeMap::new(),
        processes: Reading::Read(processes.into_iter().map(Arc::new).collect()),
        mounts: Reading::Read(Arc::new(mounts)),
        overlays: Vec::new(),
        volumes: Vec::new(),
        users: Reading::Read(Users {
            uid_map: vec![IdRange { inside: 0, outside: 1000, count: 1 }],
            gid_map: vec![IdRange { inside: 0, outside: 1000, count: 1 }],
            setgroups: "deny".to_owned(),
            names: BTreeMap::from([(0, "root".to_owned()), (1000, "ana".to_owned())]),
        }),
        root: Reading::Read(Root { device: 1, inode: 2 }),
        caps: Reading::Read(Caps::of([0; 5])),
        securebits: Reading::Read(Securebits::of(0)),
        seccomp: Reading::Read(0),
        filters: Reading::Read(0),
        no_new_privs: Reading::Read(false),
        cgroup: Reading::Read(BTreeMap::new()),
        init_cgroup: Reading::Read(BTreeMap::new()),
        ipc: Ipc::unread(&why()),
        clocks: Clocks::unread(&why()),
        time: Reading::Read(TimeOffsets { monotonic: (0, 0), boottime: (0, 0) }),
        lsm: Reading::Read(String::new()),
        files: BTreeMap::new(),
        net: Net::default(),
        group: None,
    }
}

/// A host with a box in a PID namespace of its own, and 214 processes besides.
pub fn snapshot() -> Snapshot {
    let boxed = |pid, ppid, inner: u32, command: &str| Process {
        nspid: vec![pid, inner],
        pid_ns: Some(200),
        ..process(pid, ppid, "ana", command)
    };
    let mut processes: Vec<Process> =
        (0..214).map(|n| process(100 + n, 1, "root", &format!("daemon-{n} --in-the-background"))).collect();
    processes.push(process(48_211, 48_190, "ana", "cloison keeper"));
    processes.push(boxed(48_213, 48_211, 1, "init"));
    processes.push(boxed(48_230, 48_213, 2, "sh -l"));
    let inside = |pid, ppid, command: &str| Process {
        nspid: vec![pid],
        pid_ns: Some(200),
        ..process(pid, ppid, "root", command)
    };
    let seen =
        side("lab", "root", vec![inside(1, 0, "init"), inside(2, 1, "sh -l")], vec![mount(1, "/"), mount(9, "/proc")]);
    let wall = |wall: &Wall| {
        let (state, actor) = match wall {
            Wall::Pid | Wall::User => (Built::Built, "4026532201"),
            Wall::Lsm => (Built::Unknown, "–"),
            _ => (Built::Open, "4026531836"),
        };
        (*wall, WallState { state, host: "4026531836".to_owned(), actor: actor.to_owned() })
    };
    let users = seen.users.clone();
    let actor = ActorView {
        pid: 48_213,
        alive: true,
        exit: None,
        ns: BTreeMap::from([(NsKind::Pid, Reading::Read(200))]),
        walls: Wall::ALL.iter().map(wall).collect(),
        users,
        cgroup: Reading::Read(BTreeMap::new()),
        files: BTreeMap::new(),
        seen: Reading::Read(seen),
        stale: None,
    };
    let host = side("lab", "ana", processes, vec![mount(1, "/"), mount(2, "/home")]);
    Snapshot {
        taken: 1,
        host,
        actors: BTreeMap::from([("box".to_owned(), actor)]),
        lab: Vec::new(),
        namespaces: Namespaces::default(),
        traced: BTreeMap::new(),
        lsm: cloison::observe::lsm::modules(),
        filters: BTreeMap::new(),
        cgroups: None,
    }
}

/// Why nothing could be read.
pub fn unread<T>() -> Reading<T> {
    Reading::Unread(why())
}

fn why() -> Unread {
    Unread { path: "/proc/48213/\x1b]0;x\x07".to_owned(), errno: Errno(13) }
}

/// The list that the list's tests show.
pub fn entries() -> Vec<Entry> {
    let entry = |(number, id): (u32, &str), part, titles: [&str; 2], points, state| Entry {
        lesson: Arc::new(LessonSummary {
            number,
            id: id.to_owned(),
            part,
            title: titles.map(str::to_owned),
            summary: ["What it is about.".to_owned(), "De quoi il s'agit.".to_owned()],
            points,
            minutes: 6,
            needs: Vec::new(),
        }),
        state,
    };
    vec![
        entry(
            (1, "process"),
            Part::A,
            ["A container is a process", "Un conteneur est un processus"],
            5,
            EntryState::Done(5),
        ),
        entry(
            (7, "uts"),
            Part::C,
            ["Two names for one machine", "Deux noms pour une machine"],
            4,
            EntryState::Begun(1),
        ),
        entry(
            (9, "pid"),
            Part::C,
            ["One process, several numbers", "Un processus, plusieurs numéros"],
            8,
            EntryState::New,
        ),
        entry(
            (13, "time"),
            Part::C,
            ["Another time since boot", "Un autre temps depuis le démarrage"],
            6,
            EntryState::Impossible([
                "this kernel has no time namespaces".to_owned(),
                "ce noyau n'a pas d'espaces de noms time".to_owned(),
            ]),
        ),
    ]
}
