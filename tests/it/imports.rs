//! The one-way street of modules, and the purity of `auth`, read from the sources themselves.

use std::path::{Path, PathBuf};

use crate::rust_paths::paths;

/// Each module under `src/` and the modules that it may name. Each may name only what stands above it.
const MODULES: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("secret", &[]),
    ("metrics", &[]),
    ("log", &[]),
    ("fetch", &[]),
    ("auth", &["clock", "secret"]),
    ("store", &["auth", "clock", "fetch", "metrics"]),
    ("cache", &["auth", "clock", "store"]),
    ("keys", &["auth", "clock", "fetch", "store"]),
    ("api_key", &["auth", "cache", "clock", "metrics", "store"]),
    ("refresh", &["auth", "cache", "clock", "metrics", "store"]),
    ("cookie_cache", &["auth", "clock", "keys", "metrics"]),
    ("jwt", &["auth", "clock", "keys"]),
    ("revocation", &["auth", "cache", "clock", "metrics", "store"]),
    ("gate", &["api_key", "auth", "cache", "clock", "cookie_cache", "jwt", "refresh", "store"]),
    ("dialect", &["auth"]),
    ("assertion", &["auth", "clock", "metrics"]),
    ("callers", &["dialect"]),
    (
        "serve",
        &[
            "assertion",
            "auth",
            "cache",
            "clock",
            "dialect",
            "gate",
            "log",
            "metrics",
            "revocation",
            "secret",
            "store",
        ],
    ),
    (
        "config",
        &[
            "assertion",
            "auth",
            "cache",
            "clock",
            "dialect",
            "fetch",
            "keys",
            "log",
            "refresh",
            "revocation",
            "secret",
            "serve",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "api_key",
            "assertion",
            "auth",
            "cache",
            "callers",
            "clock",
            "config",
            "cookie_cache",
            "dialect",
            "gate",
            "jwt",
            "keys",
            "log",
            "metrics",
            "refresh",
            "revocation",
            "secret",
            "serve",
            "store",
        ],
    ),
    ("main", &["cli"]),
];

/// What a decision must not be able to do: wait, ask, read a clock, or say something of its own accord.
const IMPURE: [&[&str]; 14] = [
    &["tokio"],
    &["hyper"],
    &["hyper_util"],
    &["sqlx"],
    &["moka"],
    &["tracing"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net"],
    &["std", "os"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "*"],
];
/// Among those, what only reads a text.
const TEXTS: [&str; 3] = ["std", "net", "Ipv6Addr"];
const CLOCKS: [&[&str]; 4] = [&["SystemTime"], &["Instant"], &["clock", "now"], &["clock", "*"]];

/// A source file, as its path under `src/` without the ending.
struct Source {
    module: Vec<String>,
    paths: Vec<Vec<String>>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list(&root, &mut files);
    let read = |file: PathBuf| {
        let module = file.strip_prefix(&root).unwrap().with_extension("");
        let module = module.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        Source { module, paths: paths(&std::fs::read_to_string(&file).unwrap()) }
    };
    files.into_iter().map(read).collect()
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The crate's module that `path`, found in `module`, goes into; `None` if it leaves the crate or its own module.
fn target<'a>(module: &[String], path: &'a [String]) -> Option<&'a str> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let inside = match path.first()?.as_str() {
        "crate" | "sidegate" => path.get(1),
        "super" if supers == module.len() => path.get(supers),
        _ => None,
    };
    inside.map(String::as_str).filter(|name| *name != module[0])
}

#[test]
fn modules_name_only_those_that_they_may() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.module != ["lib"]) {
        let module = &source.module[0];
        let (_, allowed) = MODULES
            .iter()
            .find(|(name, _)| name == module)
            .unwrap_or_else(|| panic!("{module} is in no row"));
        let named = source.paths.iter().filter_map(|path| target(&source.module, path));
        wrong.extend(
            named
                .filter(|name| !allowed.contains(name))
                .map(|name| format!("{} names {name}", source.module.join("/"))),
        );
    }

    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_row_names_only_rows_above_it() {
    for (index, (module, allowed)) in MODULES.iter().enumerate() {
        let above: Vec<_> = MODULES[..index].iter().map(|(name, _)| name).collect();

        assert!(allowed.iter().all(|name| above.contains(&name)), "{module}");
    }
}

#[test]
fn a_decision_can_neither_wait_nor_ask_nor_speak() {
    let sources = sources();
    let pure: Vec<_> = sources.iter().filter(|source| source.module[0] == "auth").collect();
    assert!(pure.len() > 5, "auth/ was not found");

    let wrong: Vec<_> = pure
        .iter()
        .flat_map(|source| &source.paths)
        .filter(|path| **path != TEXTS)
        .filter(|path| IMPURE.iter().any(|impure| path.iter().take(impure.len()).eq(impure.iter())))
        .collect();

    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_decision_reads_no_clock() {
    let sources = sources();
    let pure = sources.iter().filter(|source| source.module[0] == "auth");

    let wrong: Vec<_> = pure
        .flat_map(|source| &source.paths)
        .filter(|path| CLOCKS.iter().any(|clock| path.windows(clock.len()).any(|part| part == *clock)))
        .collect();

    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_path_up_out_of_its_module_is_one_into_the_crate() {
    let words = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
    let (in_auth, in_cookie) = (words("auth"), words("auth::cookie"));

    let targets = [
        target(&in_auth, &words("super::store::AnyStore")).map(str::to_owned),
        target(&in_cookie, &words("super::super::store")).map(str::to_owned),
        target(&in_cookie, &words("super::token")).map(str::to_owned),
        target(&in_cookie, &words("crate::auth::token")).map(str::to_owned),
    ];

    assert_eq!(targets, [Some("store".to_owned()), Some("store".to_owned()), None, None]);
}
