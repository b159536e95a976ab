//! From TOML text to a serde type, with every mistake of shape at once: serde
//! alone stops at the first. The keys, types and words that are allowed come from
//! the JSON Schema of the same type, so there is one list of them. Used by the
//! loaders of lessons, answers and broken answers.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Both, Diagnostic, both, did_you_mean, quoted};
use super::load::MOST;
use super::source::Source;

/// Parses a file into `T`, or says all that is wrong with its shape.
pub fn parse<T: DeserializeOwned + JsonSchema>(source: &Source) -> Result<T, Vec<Diagnostic>> {
    let error = match toml::from_str(&source.text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let (table, syntax) = DeTable::parse_recoverable(&source.text);
    if !syntax.is_empty() {
        // What follows the first is mostly its consequence.
        let first = syntax.iter().min_by_key(|error| error.span().map(|span| span.start));
        return Err(first.map(|error| syntax_mistake(source, error)).into_iter().collect());
    }
    let schema = schemars::schema_for!(T);
    let mut walk = Walk { source, root: schema.as_value(), found: Vec::new() };
    walk.table(table.get_ref(), table.span(), schema.as_value());
    if walk.found.is_empty() {
        let message = error.message();
        walk.found.push(source.at(
            error.span().unwrap_or_default(),
            both!("not as expected: {message}", "ce n'est pas la forme attendue : {message}"),
        ));
    }
    Err(walk.found)
}

fn syntax_mistake(source: &Source, error: &toml::de::Error) -> Diagnostic {
    let message = error.message().trim();
    let end = source.text.len();
    source
        .at(error.span().unwrap_or(end..end), both!("not valid TOML", "ce n'est pas du TOML valide"))
        .label(both!("{message}", "{message}"))
}

struct Walk<'a> {
    source: &'a Source,
    root: &'a Json,
    found: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    fn report(&mut self, span: std::ops::Range<usize>, title: Both, help: Both) {
        // Placing a mistake costs a walk through the file; nobody reads hundreds.
        if self.found.len() <= MOST {
            self.found.push(self.source.at(span, title).help(help));
        }
    }

    /// The schema behind `$ref` and `anyOf [X, null]`.
    fn resolve(&self, mut schema: &'a Json) -> &'a Json {
        // Schemas of plain types nest a few levels; the bound is for safety.
        for _ in 0..8 {
            if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
                schema = &self.root["$defs"][name];
            } else if let Some(some) =
                schema["anyOf"].as_array().and_then(|any| any.iter().find(|one| one["type"] != "null"))
            {
                schema = some;
            } else {
                break;
            }
        }
        schema
    }

    fn table(&mut self, table: &DeTable<'_>, span: std::ops::Range<usize>, schema: &'a Json) {
        if let Some(each) = schema.get("additionalProperties").filter(|each| each.is_object()) {
            for (_, value) in table {
                self.value(value, each);
            }
            return;
        }
        let none = serde_json::Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        let known: Vec<&str> = properties.keys().map(String::as_str).collect();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            // `get` on the schema itself: its lifetime outlives `none`.
            if let Some(of_key) = schema["properties"].get(name) {
                self.value(value, of_key);
            } else {
                let shown = quoted(name);
                self.report(
                    key.span(),
                    both!("unknown key `{shown}`", "clé inconnue : « {shown} »"),
                    did_you_mean(name, &known),
                );
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !table.contains_key(name) {
                let description = schema["properties"][name]["description"].as_str().unwrap_or_default();
                let help = if description.is_empty() {
                    Both::default()
                } else {
                    both!("`{name}`: {description}", "ajoutez « {name} = … »")
                };
                self.report(span.clone(), both!("`{name}` is missing", "la clé « {name} » manque"), help);
            }
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &'a Json) {
        let schema = self.resolve(schema);
        let Some(expected) = Expected::of(schema) else { return };
        match (expected, value.get_ref()) {
            (Expected::Table, DeValue::Table(table)) => self.table(table, value.span(), schema),
            (Expected::Array, DeValue::Array(array)) => {
                let least = schema["minItems"].as_u64().unwrap_or(0) as usize;
                let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX) as usize;
                let count = array.len();
                if count < least || count > most {
                    self.report(
                        value.span(),
                        both!(
                            "{least} values are needed here, not {count}",
                            "il faut ici {least} valeurs, et non {count}"
                        ),
                        Both::default(),
                    );
                }
                for item in array {
                    self.value(item, &schema["items"]);
                }
            }
            (Expected::Words(words), DeValue::String(word)) => {
                if !words.contains(&word.as_ref()) {
                    let shown = quoted(word);
                    self.report(
                        value.span(),
                        both!("unknown word `{shown}`", "mot inconnu : « {shown} »"),
                        did_you_mean(word, &words),
                    );
                }
            }
            (Expected::Integer, DeValue::Integer(number)) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
                let (least, most) = bounds(schema);
                if !parsed.is_some_and(|number| (least..=most).contains(&number)) {
                    self.report(
                        value.span(),
                        both!("number out of range", "nombre hors limites"),
                        both!("from {least} to {most}", "de {least} à {most}"),
                    );
                }
            }
            (Expected::String, DeValue::String(_)) | (Expected::Bool, DeValue::Boolean(_)) => {}
            (expected, found) => {
                let (wanted, got) = (expected.name(), kind_of(found));
                let title = [
                    format!("{} is needed here, not {}", wanted[0], got[0]),
                    format!("il faut ici {}, et non {}", wanted[1], got[1]),
                ];
                self.report(value.span(), title, Both::default());
            }
        }
    }
}

enum Expected<'a> {
    Table,
    Array,
    Words(Vec<&'a str>),
    Integer,
    String,
    Bool,
}

impl<'a> Expected<'a> {
    /// What a schema asks for; nothing where anything goes.
    fn of(schema: &'a Json) -> Option<Self> {
        let consts = schema["oneOf"].as_array().map(|all| all.iter().filter_map(|one| one["const"].as_str()).collect());
        let words = schema["enum"].as_array().map(|all| all.iter().filter_map(Json::as_str).collect());
        if let Some(words) = consts.or(words) {
            return Some(Self::Words(words));
        }
        let kind = match &schema["type"] {
            Json::String(kind) => kind.as_str(),
            Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).find(|kind| *kind != "null")?,
            _ => return None,
        };
        Some(match kind {
            "object" => Self::Table,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "boolean" => Self::Bool,
            _ => return None,
        })
    }

    fn name(&self) -> [&'static str; 2] {
        match self {
            Self::Table => ["a table", "une table"],
            Self::Array => ["an array", "un tableau"],
            Self::Words(_) | Self::String => ["a string", "une chaîne"],
            Self::Integer => ["a whole number", "un nombre entier"],
            Self::Bool => ["true or false", "true ou false"],
        }
    }
}

fn kind_of(value: &DeValue<'_>) -> [&'static str; 2] {
    match value {
        DeValue::String(_) => ["a string", "une chaîne"],
        DeValue::Integer(_) => ["a whole number", "un nombre entier"],
        DeValue::Float(_) => ["a number with a fraction", "un nombre à virgule"],
        DeValue::Boolean(_) => ["true or false", "true ou false"],
        DeValue::Datetime(_) => ["a date", "une date"],
        DeValue::Array(_) => ["an array", "un tableau"],
        DeValue::Table(_) => ["a table", "une table"],
    }
}

fn bounds(schema: &Json) -> (i64, i64) {
    let least = schema["minimum"].as_i64().unwrap_or(i64::MIN);
    let most = match schema["format"].as_str() {
        Some("uint32") => i64::from(u32::MAX),
        _ => schema["maximum"].as_i64().unwrap_or(i64::MAX),
    };
    (least, most)
}
