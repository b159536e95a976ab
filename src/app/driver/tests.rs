use std::sync::mpsc::{channel, sync_channel};

use super::*;

#[test]
fn what_the_screen_asked_to_keep_before_it_left_is_kept_though_there_is_nobody_to_tell() {
    let place = tempfile::tempdir().unwrap();
    let store = || Store::open(Some(place.path())).unwrap();
    let library = Library::open(None).unwrap();
    let lesson = library.get("uts").unwrap();
    let (events, screen) = sync_channel(1);
    let (ask, requests) = channel();
    let save = |student: &str| {
        let answers = Answers { lesson: "uts".into(), student: student.into(), ..Answers::default() };
        Request::Session(Effect::Save(Box::new(answers)))
    };
    // The first is told to the screen, which has left.
    for request in [Request::Open("nothing".into()), save("earlier"), save("ada"), Request::Close] {
        ask.send(request).unwrap();
    }
    drop((screen, ask));
    Driver::new(library, Keeping::Store(store()), Lang::En, events, true).answer(&requests);
    assert_eq!(store().load(&lesson).unwrap().student, "ada");
}
