//! What of the panes a step's prose speaks of: the files of control groups, whose rows are shown
//! before all others, and the traced calls, which are brought into sight. Found by the
//! live values in it, so a lesson need not name them twice. Used by `state`; pure.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json_path::PathElement;

use super::prose;
use crate::lesson::Values;
use crate::lesson::selector::{self, plain_prefix};

/// A file of a control group, or one of its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFile {
    /// The group, named from the lab's own on.
    pub group: String,
    /// The file, by its name in version 2.
    pub file: String,
    /// Which of its numbers; all of them where none is said.
    pub field: Option<String>,
}

/// The files that the live values of a text lead to, each once, in the text's order.
pub(super) fn group_files(markdown: &str, values: &Values) -> Vec<GroupFile> {
    let mut found = Vec::new();
    for file in prose::selectors(markdown, values).filter_map(|selector| group_file(&selector)) {
        if !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

/// A traced call: the actor, and its place among the actor's.
pub type TracedPlace = (String, usize);

/// The traced calls that a selector leads to.
pub(super) fn calls(selector: &str, now: &Value) -> BTreeSet<TracedPlace> {
    let Ok(path) = selector::parse(selector) else { return BTreeSet::new() };
    let located = path.query_located(now);
    let places = located.iter().filter_map(|node| {
        let place: Vec<&PathElement<'_>> = node.location().iter().take(4).collect();
        match place[..] {
            [
                PathElement::Name("traced"),
                PathElement::Name(actor),
                PathElement::Name("calls"),
                PathElement::Index(at),
            ] => Some(((*actor).to_owned(), *at)),
            _ => None,
        }
    });
    places.collect()
}

/// Whether a selector leads to traced calls.
pub(super) fn is_of_calls(selector: &str) -> bool {
    plain_prefix(selector).first().is_some_and(|name| name == "traced")
}

fn group_file(selector: &str) -> Option<GroupFile> {
    let names = plain_prefix(selector);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (group, file, field) = match names[..] {
        ["cgroups", "groups", group, "files", file, "fields", field, ..] => (group, file, Some(field)),
        ["cgroups", "groups", group, "files", file, ..] => (group, file, None),
        // What it has used of the CPUs lately is counted there.
        ["cgroups", "groups", group, "cpu", "limit", ..] => (group, "cpu.max", None),
        ["cgroups", "groups", group, "cpu", ..] => (group, "cpu.stat", Some("usage_usec")),
        _ => return None,
    };
    Some(GroupFile { group: group.to_owned(), file: file.to_owned(), field: field.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_a_text_shows_values_of_are_found_in_its_order() {
        let text = "A {$.cgroups.groups.box.files['pids.max'].value}, {$.cgroups.groups['a/b'].files['cpu.stat'].fields.nr_throttled}, \
                    {$.cgroups.groups.box.files['pids.max'].name}, {$.cgroups.groups.box.cpu.percent} % of {$.host.uts.hostname}.";
        let found = group_files(text, &Values::default());
        let found: Vec<_> =
            found.iter().map(|one| (one.group.as_str(), one.file.as_str(), one.field.as_deref())).collect();
        assert_eq!(
            found,
            [
                ("box", "pids.max", None),
                ("a/b", "cpu.stat", Some("nr_throttled")),
                ("box", "cpu.stat", Some("usage_usec"))
            ]
        );
    }

    #[test]
    fn the_calls_that_a_selector_leads_to_are_found_by_their_places() {
        let now = serde_json::json!({"traced": {"box": {"calls": [
            {"name": "read", "result": 1}, {"name": "open", "result": null}, {"name": "read", "result": 0},
        ]}}});
        let found = calls("$.traced.box.calls[?@.name == 'read'].result", &now);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("box".to_owned(), 0), ("box".to_owned(), 2)]);
        assert!(calls("$.traced.box.total", &now).is_empty() && calls("$.nowhere", &now).is_empty());
        assert!(is_of_calls("$.traced.box.calls[0]") && !is_of_calls("$.host.uts"));
    }
}
