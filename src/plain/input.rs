//! Lines from standard input, read without ever waiting here. Called by the loop
//! and, before a lesson is chosen, by the composition root.

use std::os::fd::{AsFd, BorrowedFd};

/// The longest line taken, in bytes; what is longer is cut.
const LONGEST: usize = 64 << 10;

/// Lines of a descriptor that the caller watches.
#[derive(Debug)]
pub struct Input<F> {
    fd: F,
    held: Vec<u8>,
    ended: bool,
    /// Whether a person types there.
    pub terminal: bool,
}

impl<F: AsFd> Input<F> {
    /// Reads from a descriptor; whether it is a terminal decides about prompts.
    pub fn new(fd: F, terminal: bool) -> Self {
        Self { fd, held: Vec::new(), ended: false, terminal }
    }

    /// What to watch.
    pub fn watched(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Whether a line is there to be taken.
    pub fn has_line(&self) -> bool {
        self.held.contains(&b'\n') || self.held.len() >= LONGEST || (self.ended && !self.held.is_empty())
    }

    /// The next line, without its end. The last one of an input need not have one.
    pub fn line(&mut self) -> Option<String> {
        if !self.has_line() {
            return None;
        }
        let end = self.held.iter().position(|&byte| byte == b'\n');
        let rest = self.held.split_off(end.map_or(self.held.len().min(LONGEST), |at| at + 1));
        let line = std::mem::replace(&mut self.held, rest);
        let line = String::from_utf8_lossy(&line);
        Some(line.trim_end_matches(['\n', '\r']).replace('\0', ""))
    }

    /// Whether the input has ended and every line is taken.
    pub fn over(&self) -> bool {
        self.ended && self.held.is_empty()
    }

    /// Goes on after an end that was meant for somebody else (Ctrl-D on a terminal).
    pub fn go_on(&mut self) {
        self.ended = false;
    }

    /// Reads once; waits unless the descriptor is ready.
    pub fn fill(&mut self) {
        let mut buffer = [0; 16 << 10];
        match nix::unistd::read(&self.fd, &mut buffer) {
            Ok(0) => self.ended = true,
            Ok(count) => self.held.extend_from_slice(&buffer[..count]),
            Err(nix::errno::Errno::EINTR | nix::errno::Errno::EAGAIN) => {}
            // A terminal that was hung up.
            Err(_) => self.ended = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn nothing_typed_is_lost_at_the_end_of_the_input() {
        let (read, write) = nix::unistd::pipe().unwrap();
        std::fs::File::from(write).write_all(b"one\r\n\ntwo").unwrap();
        let mut input = Input::new(read, false);
        input.fill();
        assert_eq!(input.line().as_deref(), Some("one"));
        assert_eq!(input.line().as_deref(), Some(""));
        assert_eq!(input.line(), None);
        input.fill();
        assert!(!input.over());
        assert_eq!(input.line().as_deref(), Some("two"));
        assert!(input.over());
    }
}
