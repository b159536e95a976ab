//! Predicates: of a step's `expect`, of a task's checks, of its reactions.

use std::ops::Range;

use serde_json::Value as Json;

use super::Context;
use crate::i18n::{Explain, Lang};
use crate::lesson::diagnostic::{Both, both, did_you_mean, quoted};
use crate::lesson::format::{Placed, RawCheck};
use crate::lesson::model::{Check, HOST, Operand, Predicate};
use crate::lesson::selector;

impl Context<'_> {
    /// A check. One without an id gets the one given.
    pub(super) fn check(&mut self, raw: &Placed<RawCheck>, fallback: &str) -> Check {
        if let Some(id) = &raw.id {
            self.id(id);
        }
        self.selector(raw.at.span(), &raw.at);
        let mut all = self.predicates(raw);
        if all.len() != 1 {
            let title = if all.is_empty() {
                both!("nothing to hold `at` against", "rien à quoi confronter « at »")
            } else {
                both!("several predicates in one check", "plusieurs prédicats dans une vérification")
            };
            self.report_with_help(
                raw.span(),
                title,
                both!(
                    "one of equals, differs, contains, matches, at_least, at_most, count, unchanged, absent",
                    "un seul parmi equals, differs, contains, matches, at_least, at_most, count, unchanged, absent"
                ),
            );
        }
        let id = raw.id.as_ref().map_or_else(|| fallback.to_owned(), |id| id.to_string());
        // A stand-in keeps the check known to the texts; the lesson is refused anyway.
        Check { id, at: raw.at.to_string(), is: all.pop().unwrap_or(Predicate::Absent) }
    }

    fn predicates(&mut self, raw: &RawCheck) -> Vec<Predicate> {
        let mut all = Vec::new();
        if let Some(right) = &raw.equals {
            all.push(Predicate::Equals(self.operand(right)));
        }
        if let Some(right) = &raw.differs {
            all.push(Predicate::Differs(self.operand(right)));
        }
        if let Some(right) = &raw.contains {
            all.push(Predicate::Contains(self.operand(right)));
        }
        if let Some(expression) = &raw.matches {
            let filled = self.filled(expression.span(), expression);
            if let Err(error) = selector::regex(&filled) {
                let message = error.to_string();
                let message = message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.report_with_help(
                    expression.span(),
                    both!("not a regular expression", "ce n'est pas une expression rationnelle"),
                    both!("{message}", "{message}"),
                );
            }
            all.push(Predicate::Matches(expression.to_string()));
        }
        if let Some(right) = &raw.at_least {
            all.push(Predicate::AtLeast(self.number(right)));
        }
        if let Some(right) = &raw.at_most {
            all.push(Predicate::AtMost(self.number(right)));
        }
        if let Some(count) = &raw.count {
            all.push(Predicate::Count(u64::from(**count)));
        }
        for (flag, name, predicate) in
            [(&raw.unchanged, "unchanged", Predicate::Unchanged), (&raw.absent, "absent", Predicate::Absent)]
        {
            let Some(flag) = flag else { continue };
            if !**flag {
                self.report(flag.span(), both!("`{name}` can only be true", "« {name} » ne peut valoir que true"));
            }
            all.push(predicate);
        }
        all
    }

    fn operand(&mut self, raw: &Placed<toml::Value>) -> Operand {
        if let toml::Value::String(text) = &**raw
            && text.starts_with('$')
        {
            self.selector(raw.span(), text);
            return Operand::At(text.clone());
        }
        let json = json(raw).unwrap_or_else(|| {
            self.report_with_help(
                raw.span(),
                both!("a value that no snapshot holds", "une valeur qu'aucun instantané ne contient"),
                both!(
                    "texts, finite numbers, true and false, lists and tables of these",
                    "des textes, des nombres finis, true et false, des listes et des tables de ceux-ci"
                ),
            );
            Json::Null
        });
        self.seeds_in(raw.span(), &json);
        Operand::Value(json)
    }

    /// An operand that a number can be compared with.
    fn number(&mut self, raw: &Placed<toml::Value>) -> Operand {
        let operand = self.operand(raw);
        if let Operand::Value(value) = &operand
            && !value.is_number()
        {
            self.report(
                raw.span(),
                both!("not a number, nor a place (`$…`)", "ni un nombre, ni un emplacement (« $… »)"),
            );
        }
        operand
    }

    fn seeds_in(&mut self, span: Range<usize>, value: &Json) {
        match value {
            Json::String(text) => {
                self.filled(span, text);
            }
            Json::Array(items) => items.iter().for_each(|item| self.seeds_in(span.clone(), item)),
            Json::Object(members) => members.values().for_each(|member| self.seeds_in(span.clone(), member)),
            _ => {}
        }
    }

    fn selector(&mut self, span: Range<usize>, path: &str) {
        let filled = self.filled(span.clone(), path);
        if let Some((title, help)) = complaint(&filled, &self.actors) {
            self.report_with_help(span, title, help);
        }
    }
}

/// What is wrong with a selector, seeds filled in, and what helps: it must parse,
/// and start with what a snapshot has, and with an actor there is.
pub(super) fn complaint(path: &str, actors: &[String]) -> Option<(Both, Both)> {
    if let Err(error) = selector::parse(path) {
        let title = both!("not a JSONPath selector", "ce n'est pas un sélecteur JSONPath");
        return Some((title, Lang::ALL.map(|lang| error.explain(lang))));
    }
    let prefix = selector::plain_prefix(path);
    let known = ["taken", "host", "actors", "lab", "namespaces", "traced", "filters", "lsm", "cgroups"];
    match prefix.first().map(String::as_str)? {
        "actors" | "traced" | "filters" => {
            let actor = prefix.get(1).filter(|actor| *actor != HOST && !actors.contains(actor))?;
            let shown = quoted(actor);
            let known: Vec<&str> = actors.iter().map(String::as_str).collect();
            let title = both!("no actor `{shown}` at this point", "aucun acteur « {shown} » à cet endroit");
            Some((title, did_you_mean(actor, &known)))
        }
        first if !known.contains(&first) => {
            let shown = quoted(first);
            let title = both!("no `{shown}` in a snapshot", "un instantané n'a pas de « {shown} »");
            Some((title, did_you_mean(first, &known)))
        }
        _ => None,
    }
}

/// The JSON of a TOML value; nothing for dates, and numbers that JSON has not.
fn json(value: &toml::Value) -> Option<Json> {
    Some(match value {
        toml::Value::String(text) => Json::String(text.clone()),
        toml::Value::Integer(number) => Json::from(*number),
        toml::Value::Float(number) => Json::Number(serde_json::Number::from_f64(*number)?),
        toml::Value::Boolean(truth) => Json::Bool(*truth),
        toml::Value::Datetime(_) => return None,
        toml::Value::Array(items) => Json::Array(items.iter().map(json).collect::<Option<_>>()?),
        toml::Value::Table(members) => Json::Object(
            members.iter().map(|(name, member)| Some((name.clone(), json(member)?))).collect::<Option<_>>()?,
        ),
    })
}
