//! `cloison inspect` on the screen: the thread that samples the list or a process and
//! answers the screen's requests. Started by the mode; the other threads are those of
//! the lessons' screen.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use super::look::{Look, Observer};
use crate::app::driver::for_screen;
use crate::app::learn::{machine, on_screen};
use crate::doctor;
use crate::i18n::{Explain, Lang};
use crate::kernel::terminal::Settings;
use crate::lab::client::sweep_leftovers;
use crate::observe::{Census, Sampler, Snapshot};
use crate::ui::Theme;
use crate::ui::event::{Event, Inspected, Request};
use crate::ui::model::Mouse;
use crate::ui::run::Setup;

/// The least time between two looks.
const OFTEN: Duration = Duration::from_millis(400);
/// The most.
const SELDOM: Duration = Duration::from_secs(3);
/// Looking costs at most this part of a core.
const COST: u32 = 200;

/// Runs the screen until it is left: at a process, or at the list.
pub fn screen(pid: Option<u32>, lang: Lang, theme: Theme, mouse: Mouse) -> anyhow::Result<()> {
    let first = pid.map_or(Request::Containers, Request::Inspect);
    let setup =
        Setup { lang, theme, entries: Vec::new(), machine: machine(), first: Some(first), mouse, projector: None };
    on_screen(setup, move |events, requests, terminal| {
        let mut server = Server { lang, events, shows: Shows::Nothing, next: Instant::now() };
        server.serve(&requests, terminal);
    })
}

/// What the screen shows.
enum Shows {
    /// Nothing yet.
    Nothing,
    /// The list, as it was last sent.
    List(Box<Sampler>, Option<Arc<Census>>),
    /// A process, as it was last sent.
    Process(Box<Look>, Option<Arc<Snapshot>>),
}

struct Server {
    lang: Lang,
    events: SyncSender<Event>,
    shows: Shows,
    next: Instant,
}

/// The screen is gone.
struct Gone;

impl Server {
    fn serve(&mut self, requests: &Receiver<Request>, terminal: Option<(OwnedFd, Settings)>) {
        // The keeper is there before anything else: it puts the terminal back should
        // this program be killed.
        let mut observer = Observer::new(terminal);
        sweep_leftovers(None);
        while self.turn(requests, &mut observer).is_ok() {}
    }

    fn turn(&mut self, requests: &Receiver<Request>, observer: &mut Observer) -> Result<(), Gone> {
        let wait = match self.shows {
            Shows::Nothing => SELDOM,
            Shows::List(..) | Shows::Process(..) => self.next.saturating_duration_since(Instant::now()),
        };
        match requests.recv_timeout(wait) {
            Ok(request) => self.handle(&request)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Gone),
        }
        if Instant::now() >= self.next {
            self.sample(observer)?;
        }
        Ok(())
    }

    fn send(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).map_err(|_| Gone)
    }

    fn fail(&self, error: &dyn Explain) -> Result<(), Gone> {
        self.send(Event::Failed(error.explain(self.lang)))
    }

    fn handle(&mut self, request: &Request) -> Result<(), Gone> {
        match request {
            Request::Containers => {
                self.next = Instant::now();
                match Sampler::new() {
                    Ok(sampler) => self.shows = Shows::List(Box::new(sampler), None),
                    Err(why) => return self.fail(&super::look::LookError::NoProc(why)),
                }
                Ok(())
            }
            &Request::Inspect(pid) => {
                let mut look = match Look::at(pid) {
                    Ok(look) => look,
                    Err(error) => return self.fail(&error),
                };
                let inspected = Inspected { pid, container: look.container() };
                self.shows = Shows::Process(Box::new(look), None);
                self.next = Instant::now();
                self.send(Event::Inspecting(Box::new(inspected)))
            }
            Request::Doctor => {
                let findings = doctor::findings();
                self.send(Event::Doctor(findings.iter().map(|one| for_screen(one, self.lang)).collect()))
            }
            Request::Speak(lang) => {
                self.lang = *lang;
                Ok(())
            }
            // Of lessons: nobody asks for that here.
            _ => Ok(()),
        }
    }

    /// Looks, and sends what is news.
    fn sample(&mut self, observer: &mut Observer) -> Result<(), Gone> {
        let start = Instant::now();
        let event = match &mut self.shows {
            Shows::Nothing => None,
            Shows::List(sampler, last) => match sampler.take_census() {
                Ok(census) => {
                    let same = |last: &Arc<Census>| Census { taken: last.taken, ..census.clone() } == **last;
                    (!last.as_ref().is_some_and(same)).then(|| Event::Census(Arc::clone(last.insert(Arc::new(census)))))
                }
                Err(why) => Some(Event::Failed(super::look::LookError::NoProc(why).explain(self.lang))),
            },
            Shows::Process(look, last) => {
                let snapshot = look.snapshot(observer);
                // The age of what was seen last goes on while nothing else does.
                let ended = snapshot.actors.values().any(|actor| actor.stale.is_some());
                (ended || !last.as_ref().is_some_and(|last| last.shows_the_same(&snapshot)))
                    .then(|| Event::Observed(Arc::clone(last.insert(Arc::new(snapshot)))))
            }
        };
        self.next = Instant::now() + (start.elapsed() * COST).clamp(OFTEN, SELDOM);
        event.map_or(Ok(()), |event| self.send(event))
    }
}
