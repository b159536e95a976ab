//! What there is to see: where the wall stands, and each step as it last was. Written by
//! the drawing thread, which never waits for a follower; read by the one that serves them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::demo::link::waking;
use crate::demo::follow::wire::{MOST_STEPS, Page, Stand, Word, said};

/// Where the wall stands has a place of its own, behind those of the steps.
const PLACES: usize = MOST_STEPS as usize + 1;

/// The drawing thread's half. Dropping it ends the sharing.
pub struct Teller {
    latest: Arc<Mutex<Latest>>,
    wake: OwnedFd,
}

/// The serving thread's half.
pub struct Board {
    latest: Arc<Mutex<Latest>>,
    woken: File,
    /// Ready to be sent, each with the number of the change that made it.
    ready: Vec<(u64, Arc<[u8]>)>,
}

#[derive(Default)]
struct Latest {
    /// How many changes there were: what changes last has the highest number.
    changes: u64,
    stand: (u64, Stand),
    pages: Vec<(u64, Arc<Page>)>,
}

/// The two halves.
pub fn board() -> io::Result<(Teller, Board)> {
    let (woken, wake) = waking()?;
    let latest: Arc<Mutex<Latest>> = Arc::default();
    let ready = vec![(0, Arc::default()); PLACES];
    Ok((Teller { latest: Arc::clone(&latest), wake }, Board { latest, woken, ready }))
}

impl Teller {
    /// The wall looks so now. Never waits for anybody.
    pub fn tell(&self, stand: Stand, page: Option<Page>) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let before = latest.changes;
        if let Some(page) = page {
            let at = page.step as usize;
            if latest.pages.len() <= at {
                latest.pages.resize_with(at + 1, Default::default);
            }
            if *latest.pages[at].1 != page {
                latest.changes += 1;
                latest.pages[at] = (latest.changes, Arc::new(page));
            }
        }
        if latest.stand.1 != stand {
            latest.changes += 1;
            latest.stand = (latest.changes, stand);
        }
        if latest.changes != before {
            // EAGAIN: enough is in it to wake.
            let _ = nix::unistd::write(&self.wake, b".");
        }
    }
}

impl Board {
    /// Becomes readable when there is something new, and at the end.
    pub fn woken(&self) -> impl AsFd {
        &self.woken
    }

    /// Makes what is new ready to be sent; false once the wall is gone.
    pub fn refresh(&mut self) -> bool {
        use std::io::Read as _;
        if matches!(self.woken.read(&mut [0; 64]), Ok(0)) {
            return false;
        }
        // Copied out: nothing is written for anybody while the drawing thread may want it.
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let stand = Some(latest.stand.clone()).filter(|(change, _)| *change != self.ready[PLACES - 1].0);
        let news = latest.pages.iter().zip(&self.ready).enumerate().filter(|(_, (page, ready))| page.0 != ready.0);
        let pages: Vec<(usize, (u64, Arc<Page>))> = news.map(|(at, (page, _))| (at, page.clone())).collect();
        drop(latest);
        for (at, (change, page)) in pages {
            self.make(at, change, &Word::Page(Box::new((*page).clone())));
        }
        if let Some((change, stand)) = stand {
            self.make(PLACES - 1, change, &Word::Stand(stand));
        }
        true
    }

    fn make(&mut self, place: usize, change: u64, word: &Word) {
        // Never too long: `sheet` cuts what it takes.
        if let Some(bytes) = said(word) {
            self.ready[place] = (change, bytes.into());
        }
    }

    /// What comes next for somebody who has all up to a change: what changed first of all
    /// that changed since, and the number of its change.
    pub fn after(&self, change: u64) -> Option<(u64, Arc<[u8]>)> {
        self.ready.iter().filter(|(made, _)| *made > change).min_by_key(|(made, _)| *made).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::follow::wire::{Inbox, MOST_SAID, heard};

    fn page(step: u32, text: &str) -> Page {
        Page { step, text: [text.to_owned(), text.to_owned()], ..Page::default() }
    }

    fn stand(at: u32) -> Stand {
        Stand { steps: 9, at, ..Stand::default() }
    }

    /// What somebody reads who has all up to a change.
    fn told(board: &Board, mut change: u64) -> Vec<Word> {
        let mut inbox = Inbox::new(MOST_SAID);
        while let Some((made, bytes)) = board.after(change) {
            change = made;
            inbox.push(&bytes);
        }
        std::iter::from_fn(|| inbox.next_frame().unwrap()).map(|bytes| heard(&bytes).unwrap()).collect()
    }

    #[test]
    fn who_comes_late_gets_each_step_once_as_it_last_was_and_then_where_the_wall_is() {
        let (teller, mut board) = board().unwrap();
        for at in 0..3 {
            teller.tell(stand(at), None);
            for text in ["first", "second", "last"] {
                teller.tell(stand(at), Some(page(at, text)));
            }
            assert!(board.refresh());
        }
        let page = |at| Word::Page(Box::new(page(at, "last")));
        assert_eq!(told(&board, 0), [page(0), page(1), Word::Stand(stand(2)), page(2)]);
        let (change, _) = board.after(board.after(0).unwrap().0).unwrap();
        assert_eq!(told(&board, change), [Word::Stand(stand(2)), page(2)]);
    }

    #[test]
    fn nothing_new_wakes_nobody_and_the_end_is_noticed() {
        let (teller, mut board) = board().unwrap();
        teller.tell(stand(0), Some(page(0, "x")));
        assert!(board.refresh());
        let all = board.after(0);
        teller.tell(stand(0), Some(page(0, "x")));
        assert_eq!(nix::unistd::read(&board.woken, &mut [0; 8]), Err(nix::errno::Errno::EAGAIN));
        assert!(board.refresh() && board.after(0) == all);
        drop(teller);
        assert!(!board.refresh());
    }
}
