//! Holds the code to ARCHITECTURE.md: which part may use which (the page's own
//! table is what is checked, so that page and code can't drift apart), where unsafe
//! code may stand, how long a file may be. Test modules are no part of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The most lines of a file, test modules left out.
const LONGEST: usize = 500;
/// Marks a line of a test in what `without_tests` gives.
const TEST: &str = " #";

/// A source file: its path from the root of the project, and its text.
struct SourceFile {
    path: String,
    text: String,
}

/// What one part may use: all, or these parts, each whole or only some paths of it.
enum Allowed {
    Everything,
    Parts(BTreeMap<String, Vec<String>>),
}

type Table = BTreeMap<String, Allowed>;

// ---- the page ----

/// The table under the row that starts with `| part | may use`.
fn table(page: &str) -> Table {
    let rows = page.lines().skip_while(|line| !line.starts_with("| part | may use")).skip(2);
    let mut table = Table::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [parts, may_use] = cells[..] else { panic!("a row of two cells: {row}") };
        for part in parts.split(',').map(str::trim) {
            assert!(table.insert(part.to_owned(), allowed(may_use)).is_none(), "{part} is in the table twice");
        }
    }
    table
}

/// `kernel, lesson (only `lesson::op`); never lab`: what stands after the semicolon
/// is for the reader.
fn allowed(cell: &str) -> Allowed {
    let cell = cell.split(';').next().unwrap_or_default().trim();
    match cell {
        "everything" => return Allowed::Everything,
        "no other part" => return Allowed::Parts(BTreeMap::new()),
        _ => {}
    }
    let mut parts = BTreeMap::new();
    let mut rest = cell;
    while !rest.is_empty() {
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let name = rest[..end].trim().to_owned();
        let mut only = Vec::new();
        rest = &rest[end..];
        if rest.starts_with('(') {
            let close = rest.find(')').expect("a closing parenthesis");
            only = rest[..close].split('`').skip(1).step_by(2).map(str::to_owned).collect();
            rest = &rest[close + 1..];
        }
        parts.insert(name, only);
        rest = rest.trim_start_matches([',', ' ']);
    }
    Allowed::Parts(parts)
}

// ---- reading Rust ----

/// The code with comments and the insides of strings blanked; lines stay lines.
fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let start = i;
        let word_before = i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_');
        if at(i) == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if at(i) == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if at(i) == 'r' && !word_before && raw_hashes(&chars, i + 1).is_some() {
            let hashes = raw_hashes(&chars, i + 1).unwrap_or_default();
            i += hashes + 2;
            while i < chars.len() && !(at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#')) {
                i += 1;
            }
            i += hashes + 1;
        } else if at(i) == '"' {
            i += 1;
            while i < chars.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if at(i) == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < chars.len() && at(i) != '\'' {
                i += 1;
            }
            i += 1;
        } else {
            out.push(at(i));
            i += 1;
            continue;
        }
        out.extend((start..i.min(chars.len())).map(|n| if at(n) == '\n' { '\n' } else { ' ' }));
    }
    out
}

/// After an `r`: the number of `#` where a raw string starts.
fn raw_hashes(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from..].iter().take_while(|c| **c == '#').count();
    (chars.get(from + hashes) == Some(&'"')).then_some(hashes)
}

/// Bare code with its test items blanked, and the names of the test modules that are
/// files of their own. Lines stay lines; `TEST` stands on those blanked.
fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::new();
    let mut modules = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let body = item[MARK.len()..].find(['{', ';']).map_or(item.len(), |n| n + MARK.len());
        let mut end = (body + 1).min(item.len());
        if item[body..].starts_with('{') {
            let mut depth = 0;
            for (n, c) in item[body..].char_indices() {
                depth += i32::from(c == '{') - i32::from(c == '}');
                if depth == 0 {
                    end = body + n + 1;
                    break;
                }
            }
        } else if let Some(name) = item[MARK.len()..body].trim().strip_prefix("mod ") {
            modules.push(name.trim().to_owned());
        }
        kept.push_str(TEST);
        kept.extend(item[..end].matches('\n').flat_map(|end| [end, TEST]));
        rest = &item[end..];
    }
    kept.push_str(rest);
    (kept, modules)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Every path below `root` (`crate`, say) in bare code, groups spelt out, with the
/// number of its line.
fn paths(code: &str, root: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        let is_path = !is_word(before) && code[at + root.len()..].trim_start().starts_with("::");
        // Of a longer path: the second `super` of two, or what only bears the name.
        let longer = code[..at].trim_end().strip_suffix("::").is_some_and(|path| path.ends_with(is_word));
        if !is_path || longer {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let mut rest = &code[at + root.len()..];
        tree(&mut rest, &mut Vec::new(), &mut |path| found.push((line, path.to_vec())));
    }
    found
}

/// Reads what may follow a path: `::name…`, `::{…}` or `::*`.
fn tree(rest: &mut &str, path: &mut Vec<String>, leaf: &mut dyn FnMut(&[String])) {
    let Some(after) = rest.trim_start().strip_prefix("::").map(str::trim_start) else { return leaf(path) };
    if let Some(group) = after.strip_prefix('{') {
        *rest = group;
        loop {
            *rest = rest.trim_start().trim_start_matches(',').trim_start();
            if let Some(end) = rest.strip_prefix('}') {
                *rest = end;
                return;
            }
            if rest.is_empty() {
                return;
            }
            let depth = path.len();
            name(rest, path);
            tree(rest, path, leaf);
            path.truncate(depth);
            // `as other`
            *rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
        }
    }
    *rest = after;
    if after.starts_with(|c| is_word(c) || c == '*') {
        name(rest, path);
        tree(rest, path, leaf);
    } else {
        leaf(path);
    }
}

fn name(rest: &mut &str, path: &mut Vec<String>) {
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len()).max(1);
    if &rest[..end] != "self" {
        path.push(rest[..end].to_owned());
    }
    *rest = &rest[end..];
}

// ---- the rules ----

/// The part that a file is of: `src/ui/view/list.rs` is of `ui`.
fn part(path: &str) -> &str {
    let inner = path.trim_start_matches("src/");
    inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs")
}

/// How deep the module of a file lies: `src/ui/mod.rs` and `src/ui.rs` at 1.
fn depth(path: &str) -> usize {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').count()
}

/// The program's files, bare and without tests.
fn program(files: &[SourceFile]) -> Vec<SourceFile> {
    let mut kept = Vec::new();
    let mut tests = BTreeSet::new();
    for file in files {
        let (text, modules) = without_tests(&bare(&file.text));
        let own = Path::new(&file.path);
        let directory = if ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| own.ends_with(name)) {
            own.parent().map(Path::to_owned).unwrap_or_default()
        } else {
            own.with_extension("")
        };
        tests.extend(modules.iter().map(|name| directory.join(name)));
        kept.push(SourceFile { path: file.path.clone(), text });
    }
    let is_test = |path: &str| {
        let module = Path::new(path).with_extension("");
        tests.iter().any(|test| module.starts_with(test))
    };
    kept.retain(|file| !is_test(&file.path));
    kept
}

/// Uses of a part that the table does not grant.
fn forbidden_uses(table: &Table, files: &[SourceFile]) -> Vec<String> {
    let files = program(files);
    let mut macros = BTreeMap::new();
    for file in &files {
        for (at, found) in file.text.match_indices("macro_rules!") {
            let rest = file.text[at + found.len()..].trim_start();
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            macros.insert(rest[..end].to_owned(), part(&file.path).to_owned());
        }
    }
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path != "src/lib.rs") {
        let own = part(&file.path);
        let Some(allowed) = table.get(own) else {
            found.push(format!("{}: the part `{own}` is not in ARCHITECTURE.md's table", file.path));
            continue;
        };
        let Allowed::Parts(allowed) = allowed else { continue };
        let mut uses = paths(&file.text, "crate");
        uses.extend(paths(&file.text, "cloison"));
        // `super::super::kernel` from a file that lies that deep.
        let deep = depth(&file.path);
        for (line, path) in paths(&file.text, "super") {
            let up = 1 + path.iter().take_while(|name| *name == "super").count();
            if up >= deep {
                uses.push((line, path[up - 1..].to_vec()));
            }
        }
        for (line, path) in uses {
            let first = path.first().map_or("*", String::as_str);
            let used = macros.get(first).map_or(first, String::as_str);
            if used == own || used == "i18n" {
                continue;
            }
            let full = path.join("::");
            let place = format!("{}:{line}", file.path);
            match allowed.get(used) {
                None => found.push(format!("{place}: {own} may not use {used} (`{full}`)")),
                Some(only) if only.is_empty() => {}
                Some(only) => {
                    let within = |prefix: &String| full == *prefix || full.starts_with(&format!("{prefix}::"));
                    if !only.iter().any(within) {
                        found.push(format!("{place}: {own} may use of {used} only {} (`{full}`)", only.join(", ")));
                    }
                }
            }
        }
    }
    found
}

/// Unsafe code, and leave for it, outside src/kernel.
fn unsafe_elsewhere(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.path.starts_with("src/kernel/")) {
        for (number, line) in bare(&file.text).lines().enumerate() {
            if line.split(|c| !is_word(c)).any(|word| word == "unsafe" || word == "unsafe_code") {
                found.push(format!("{}:{}: unsafe code stands in src/kernel only", file.path, number + 1));
            }
        }
    }
    found
}

/// Files longer than they may be.
fn long_files(files: &[SourceFile]) -> Vec<String> {
    let lines = |file: &SourceFile| file.text.lines().filter(|line| !line.ends_with(TEST)).count();
    let long = |file: SourceFile| {
        let lines = lines(&file);
        (lines > LONGEST).then(|| format!("{}: {lines} lines, more than {LONGEST}", file.path))
    };
    program(files).into_iter().filter_map(long).collect()
}

// ---- the project ----

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<SourceFile> {
    fn walk(directory: &Path, into: &mut Vec<SourceFile>) {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(directory).expect("src").map(|entry| entry.expect("src").path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).expect("a file of src");
                let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
                into.push(SourceFile { path, text });
            }
        }
    }
    let mut files = Vec::new();
    walk(&root().join("src"), &mut files);
    files
}

fn page() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md")
}

fn none(found: &[String]) {
    let mut list = String::new();
    for one in found {
        let _ = writeln!(list, "  {one}");
    }
    assert!(found.is_empty(), "\n{list}");
}

#[test]
fn every_part_uses_only_what_the_page_grants_it() {
    none(&forbidden_uses(&table(&page()), &sources()));
}

#[test]
fn every_module_is_in_the_table_and_every_row_is_a_module() {
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let (library, _) = without_tests(&bare(&library));
    let modules = library.split(';').filter_map(|item| {
        let words: Vec<&str> = item.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "mod")?;
        words.get(at + 1).map(|name| (*name).to_owned())
    });
    let mut modules: BTreeSet<String> = modules.collect();
    modules.insert("main".to_owned());
    let rows: BTreeSet<String> = table(&page()).into_keys().collect();
    assert_eq!(modules, rows);
}

#[test]
fn unsafe_code_is_denied_and_stands_in_the_kernel_part_only() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nunsafe_code = \"deny\"\n"), "Cargo.toml denies unsafe code");
    none(&unsafe_elsewhere(&sources()));
}

#[test]
fn files_stay_short_enough_to_be_read() {
    none(&long_files(&sources()));
}

// ---- the checker itself: each rule broken once ----

#[cfg(test)]
mod broken {
    use super::*;

    const PAGE: &str = "\
| part | may use |
|---|---|
| lesson, kernel, i18n | no other part |
| observe | kernel, lesson (only `lesson::op::NsKind`, `lesson::values`) |
| ui | observe; never kernel |
| app | everything |
";

    fn uses(path: &str, text: &str) -> Vec<String> {
        let leaf = SourceFile {
            path: "src/i18n.rs".to_owned(),
            text: "#[macro_export]\nmacro_rules! say { () => {} }\n".to_owned(),
        };
        forbidden_uses(&table(PAGE), &[leaf, SourceFile { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn a_use_that_is_not_granted_is_found_with_file_and_line() {
        let found = uses("src/ui/view/list.rs", "use std::fs;\n\nuse crate::kernel::Errno;\n");
        assert_eq!(found, ["src/ui/view/list.rs:3: ui may not use kernel (`kernel::Errno`)"]);
    }

    #[test]
    fn groups_inline_paths_supers_and_the_crates_own_name_are_uses_too() {
        for text in [
            "use crate::{i18n::Lang, kernel::{call::Call, Errno as E}};",
            "fn f() { let _ = crate::kernel::read(); }",
            "use super::super::kernel;",
            "use super::{super::kernel::Errno};",
            "use ::cloison::kernel;",
            "use crate :: kernel;",
            "pub(in crate::kernel) fn f() {}",
            "use crate::*;",
        ] {
            assert!(!uses("src/ui/list.rs", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_granted_and_the_leaf_and_ones_own_are_not_found() {
        let text =
            "use crate::{observe::{self, View}, say};\nuse crate::i18n::Lang;\nuse super::event;\nuse crate::ui::x;";
        assert_eq!(uses("src/ui/list.rs", text), [""; 0]);
    }

    #[test]
    fn a_part_granted_in_part_is_closed_elsewhere() {
        let text = "use crate::lesson::{op::{NsKind, Op}, values::Values};";
        let found = uses("src/observe/mod.rs", text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with("(`lesson::op::Op`)"), "{found:?}");
    }

    #[test]
    fn comments_strings_and_tests_are_no_uses() {
        let text = concat!(
            "// crate::kernel\n/* crate::kernel /* crate::kernel */ */\n",
            "const A: &str = \"\\\" crate::kernel\";\nconst B: &str = r#\"\" crate::kernel\"#;\n",
            "const C: [char; 2] = ['\"', '\\''];\nfn f<'a>(x: &'a str) {}\n",
            "#[cfg(test)]\nmod tests {\n    use crate::kernel::{A, B};\n    fn g() { {} }\n}\n",
        );
        assert_eq!(uses("src/ui/list.rs", text), [""; 0]);
        let after = format!("{text}use crate::kernel::C;\n");
        assert_eq!(uses("src/ui/list.rs", &after), ["src/ui/list.rs:12: ui may not use kernel (`kernel::C`)"]);
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_left_out() {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let files = [
            file("src/ui/mod.rs", "#[cfg(test)]\nmod tests;\nmod list;"),
            file("src/ui/tests.rs", "use crate::kernel::A;"),
            file("src/ui/tests/deeper.rs", "use crate::kernel::A;"),
            file("src/ui/list.rs", "use crate::kernel::A;"),
        ];
        let found = forbidden_uses(&table(PAGE), &files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("src/ui/list.rs:1:"), "{found:?}");
    }

    #[test]
    fn a_part_without_a_row_is_found() {
        assert_eq!(uses("src/new/mod.rs", ""), ["src/new/mod.rs: the part `new` is not in ARCHITECTURE.md's table"]);
    }

    #[test]
    fn unsafe_code_elsewhere_is_found_but_not_the_word_in_a_text() {
        let file = |path: &str, text: &str| [SourceFile { path: path.to_owned(), text: text.to_owned() }];
        assert_eq!(unsafe_elsewhere(&file("src/ui/list.rs", "fn f() {\n    unsafe { g() }\n}")).len(), 1);
        assert_eq!(unsafe_elsewhere(&file("src/lab/a.rs", "#![expect(unsafe_code, reason = \"r\")]")).len(), 1);
        assert_eq!(unsafe_elsewhere(&file("src/kernel/a.rs", "unsafe { g() }")).len(), 0);
        assert_eq!(
            unsafe_elsewhere(&file("src/ui/list.rs", "// unsafe\nlet a = \"unsafe\"; let not_unsafe = 1;")).len(),
            0
        );
    }

    #[test]
    fn a_long_file_is_found_but_tests_do_not_count() {
        let file = |lines: usize, tests: usize| {
            let (code, test) = ("fn f() {}\n".repeat(lines), "    fn t() {}\n".repeat(tests));
            let text = format!("{code}#[cfg(test)]\nmod tests {{\n{test}}}\n");
            [SourceFile { path: "src/ui/a.rs".to_owned(), text }]
        };
        assert_eq!(long_files(&file(LONGEST + 1, 0)).len(), 1);
        assert_eq!(long_files(&file(LONGEST, 400)).len(), 0);
    }
}
