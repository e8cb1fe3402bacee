//! Known mistakes in proxies' configurations: each planted in a file that is right, and none in what is shipped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sidegate::callers::{Caller, Document, File, Include, Unreadable, Weight};
use sidegate::dialect::HeaderNames;

/// Two headers stand for all: enough to tell one from the rest.
const IDENTITY: [&str; 2] = ["x-auth-status", "x-auth-user-id"];

#[derive(Deserialize)]
struct Planted {
    code: String,
    file: String,
    beside: Option<String>,
    also: Option<String>,
    changes: Vec<(String, String)>,
    at: String,
}

#[derive(Deserialize)]
struct Table {
    mistake: Vec<Planted>,
}

/// A code and its line.
type Found = BTreeSet<(&'static str, usize)>;

fn file(name: &str) -> File {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/callers").join(name);
    File { name: name.to_owned(), text: std::fs::read_to_string(path).unwrap() }
}

fn planted() -> Vec<Planted> {
    let Table { mistake } = toml::from_str(&file("mistakes.toml").text).unwrap();
    mistake
}

fn read(file: &File) -> Document {
    Document::read(file, &mut |include: Include<'_>| Err(format!("{} is not there", include.pattern)))
        .unwrap()
}

fn found(file: &File, beside: Option<&str>) -> Found {
    let beside: Vec<_> = beside.map(|name| read(&self::file(name))).into_iter().collect();
    let checked = read(file).check(&IDENTITY, &beside);
    checked.findings.iter().map(|finding| (finding.mistake.code, finding.place.line())).collect()
}

fn text(name: &str, text: &str) -> File {
    File { name: name.to_owned(), text: text.to_owned() }
}

impl Planted {
    fn file(&self) -> File {
        let mut file = file(&self.file);
        for (from, to) in &self.changes {
            assert_eq!(file.text.matches(from).count(), 1, "{}: {from}", self.code);
            file.text = file.text.replace(from, to);
        }
        file
    }

    fn line(&self, file: &File) -> usize {
        assert_eq!(file.text.matches(&self.at).count(), 1, "{}: {}", self.code, self.at);
        1 + file.text.split(&self.at).next().unwrap().matches('\n').count()
    }
}

#[test]
fn each_mistake_is_found_where_it_stands_and_no_other_is() {
    let mut wrong = Vec::new();
    for planted in planted() {
        let file = planted.file();
        let before = found(&self::file(&planted.file), planted.beside.as_deref());
        let mut after = found(&file, planted.beside.as_deref());
        after.retain(|(code, _)| !before.iter().any(|(known, _)| known == code));
        let (also, own): (Found, Found) =
            after.into_iter().partition(|(code, _)| planted.also.as_deref() == Some(code));

        let expected = (planted.code.as_str(), planted.line(&file));
        if !own.iter().eq([&expected]) || also.is_empty() != planted.also.is_none() {
            wrong.push(format!("{expected:?}: {own:?} {also:?}"));
        }
    }

    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_file_that_is_right_has_no_mistakes() {
    for name in [
        "nginx.conf",
        "traefik.yml",
        "traefik.toml",
        "traefik-static.yml",
        "envoy-http.yaml",
        "envoy-grpc.yaml",
        "Caddyfile",
        "written-out.Caddyfile",
        "haproxy.cfg",
    ] {
        let checked = read(&file(name)).check(&IDENTITY, &[]);
        let mistakes: Vec<_> =
            checked.findings.iter().filter(|found| found.mistake.weight == Weight::Mistake).collect();
        assert!(mistakes.is_empty(), "{name}: {mistakes:?}");
        assert_eq!(checked.asks, name != "traefik-static.yml", "{name}");
    }
}

#[test]
fn a_question_that_asks_for_more_is_still_one_to_sidegate() {
    for (name, endpoint) in [
        ("nginx.conf", "/auth/nginx"),
        ("traefik.yml", "/auth/traefik"),
        ("written-out.Caddyfile", "/auth/caddy"),
        ("haproxy.cfg", "/auth/haproxy"),
    ] {
        let mut more = file(name);
        assert!(more.text.contains(endpoint), "{name}");
        more.text = more.text.replace(endpoint, &format!("{endpoint}?policy=any_role:admin"));
        assert_eq!(found(&more, None), found(&file(name), None), "{name}");
    }
}

#[test]
fn copied_headers_are_noted_as_unsafe_on_an_old_caddy() {
    let checked = read(&file("Caddyfile")).check(&IDENTITY, &[]);
    let [note] = checked.findings.as_slice() else { panic!("{:?}", checked.findings) };
    assert_eq!((note.mistake.code, note.mistake.weight), ("caddy_unsafe_before_2_10", Weight::Note));
    assert_eq!(found(&file("written-out.Caddyfile"), None), Found::new());
}

#[test]
fn every_mistake_is_planted_and_has_a_code_of_its_own_a_reason_and_a_fix() {
    let planted: BTreeSet<_> = planted().into_iter().map(|planted| planted.code).collect();
    let known: Vec<_> = Caller::ALL.into_iter().flat_map(Caller::mistakes).collect();
    let codes: BTreeSet<_> = known.iter().map(|mistake| mistake.code.to_owned()).collect();
    assert_eq!(codes.len(), known.len());
    let notes: BTreeSet<_> =
        known.iter().filter(|it| it.weight == Weight::Note).map(|it| it.code.to_owned()).collect();
    assert_eq!(&planted | &notes, codes);
    for mistake in known {
        for text in [mistake.what, mistake.fix] {
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{}", mistake.code);
        }
    }
}

/// The files of a directory, as their program would find them.
fn documents(directory: &Path, named: impl Fn(&str) -> bool) -> Vec<Document> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| named(path.file_name().unwrap().to_str().unwrap()))
        .map(|path| {
            let shipped = text(path.to_str().unwrap(), &std::fs::read_to_string(path).unwrap());
            // nginx/ is to be copied to sidegate/ beside the nginx.conf that includes it.
            let mut includes = |include: Include<'_>| {
                let name = include.pattern.strip_prefix("sidegate/").unwrap();
                let text =
                    std::fs::read_to_string(directory.join(name)).map_err(|error| error.to_string())?;
                Ok(vec![File { name: name.to_owned(), text }])
            };
            Document::read(&shipped, &mut includes)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

#[test]
fn nothing_is_wrong_with_what_is_shipped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = HeaderNames::sidegate();
    let identity: Vec<_> = names.all().map(http::HeaderName::as_str).collect();
    let mut callers = BTreeSet::new();
    for (directory, ending) in [
        ("nginx", "example.conf"),
        ("deploy/traefik", ".yml"),
        ("deploy/envoy", ".yaml"),
        ("deploy/caddy", "Caddyfile"),
        ("deploy/haproxy", ".cfg"),
        ("deploy/kubernetes", "traefik.yaml"),
    ] {
        let documents = documents(&root.join(directory), |name| name.ends_with(ending));
        assert!(!documents.is_empty(), "{directory}");
        for document in &documents {
            let findings = document.check(&identity, &documents).findings;
            assert!(findings.is_empty(), "{findings:?}");
            callers.insert(document.caller().name());
        }
        assert!(documents.iter().any(|document| document.check(&identity, &[]).asks), "{directory}");
    }
    assert_eq!(callers.len(), Caller::ALL.len());
}

#[test]
fn a_finding_names_the_headers_it_is_about() {
    let planted = planted();
    let of = |code: &str| planted.iter().find(|planted| planted.code == code).unwrap().file();
    let told = |file: &File, identity: &[&str]| read(file).check(identity, &[]).findings[0].to_string();
    let text = told(&of("nginx_public_identity"), &IDENTITY);
    assert!(text.contains("  nginx_public_identity  whoever comes this way"), "{text}");
    assert!(text.contains(": X-Auth-Status, X-Auth-User-Id\n  try: "), "{text}");
    let text = told(&of("nginx_public_identity"), &["a", "b", "c", "d", "e"]);
    assert!(text.contains(": A, B, C and 2 more\n"), "{text}");
}

#[test]
fn a_finding_in_a_file_that_is_included_twice_is_told_once_with_that_files_name() {
    let main = text(
        "nginx.conf",
        "http { server { location /a { include p; } location /b { include p; }\n location = /q {} } }",
    );
    let mut includes = |include: Include<'_>| {
        assert_eq!((include.from, include.caller), ("nginx.conf", Caller::Nginx));
        Ok(vec![text("snippet.conf", "auth_request /q;\nsatisfy any;")])
    };
    let checked = Document::read(&main, &mut includes).unwrap().check(&IDENTITY, &[]);
    let any: Vec<_> = checked.findings.iter().filter(|it| it.mistake.code == "nginx_satisfy_any").collect();
    let [finding] = any.as_slice() else { panic!("{any:?}") };
    assert_eq!((finding.place.file(), finding.place.line()), ("snippet.conf", 2));
}

#[test]
fn json_of_envoys_is_read_with_its_lines() {
    let json = "{\n\t\"resources\": [{\n\t\t\"@type\": \"type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz\",\n\
                \t\t\"encodeRawHeaders\": true,\n\t\t\"statusOnError\": {\"code\": 503},\n\
                \t\t\"failureModeAllow\": true,\n\t\t\"grpcService\": {\"timeout\": \"1s\"}\n\t}]\n}\n";
    assert_eq!(found(&text("x", json), None), Found::from([("envoy_fails_open", 6)]));
}

#[test]
fn kubernetes_resources_of_traefiks_are_read() {
    let yaml = "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: sidegate}\nspec:\n  forwardAuth:\n\
                \x20   address: http://sidegate:4180/auth/traefik\n    trustForwardHeader: false\n\
                \x20   authResponseHeadersRegex: ^X-Auth-\n    maxResponseBodySize: 8192\n---\n\
                apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nspec:\n  routes:\n  - match: PathPrefix(`/api`)\n\
                \x20   middlewares: [{name: sidegate}]\n    services: [{name: app, port: 80}]\n\
                \x20 - match: PathPrefix(`/`)\n    services: [{name: app, port: 80}]\n";
    assert_eq!(found(&text("x", yaml), None), Found::from([("traefik_public_identity", 18)]));
}

#[test]
fn another_programs_question_beside_sidegates_is_no_mistake() {
    let mut file = file("nginx.conf");
    file.text = file.text.replace(
        "location @login {",
        "location = /oauth2 { proxy_pass http://127.0.0.1:4181/oauth2/auth; }
         location /grafana/ { auth_request /oauth2; proxy_set_header X-Auth-Status \"\"; proxy_set_header X-Auth-User-Id \"\";
             proxy_pass http://127.0.0.1:3001; }
         location @login {",
    );
    assert_eq!(found(&file, None), Found::new());
}

#[test]
fn what_is_no_configuration_is_not_taken_for_one() {
    for (name, content) in [
        ("empty", ""),
        ("notes.txt", "Put the key into the box.\n"),
        ("Cargo.toml", include_str!("../../Cargo.toml")),
        ("package.json", r#"{"name": "x", "scripts": {"test": "y"}}"#),
        ("lib.rs", include_str!("../../src/lib.rs")),
        ("sidecar.yaml", include_str!("../../deploy/kubernetes/sidecar.yaml")),
        ("sidegate.toml", include_str!("../../deploy/sidegate.toml")),
    ] {
        let read = Document::read(&text(name, content), &mut |_| Ok(Vec::new()));
        assert!(matches!(read, Err(Unreadable::Unknown)), "{name}: {read:?}");
    }
}

#[test]
fn what_breaks_its_grammar_is_told_with_its_line() {
    for (name, content, expected) in [
        ("nginx.conf", "http {\n  server {\n    listen 80;\n", "nginx.conf:2: this block is not closed"),
        ("nginx.conf", "events {}\nhttp {\n  listen 80\n}\n", "nginx.conf:3: this line has no ; at its end"),
        ("nginx.conf", "http { }\n}\nlisten 80;", "nginx.conf:2: a } closes nothing"),
        ("nginx.conf", "http { listen 'x;\n}\n", "nginx.conf:1: this quote is not closed"),
        ("Caddyfile", ":80 {\n  reverse_proxy x:1 {\n  }\n", "Caddyfile:1: this block is not closed"),
        ("x.yml", "http:\n  - a\n b: c\n", "x.yml:3: "),
        ("x.toml", "a = 1\nb = \n", "x.toml:2: "),
    ] {
        let read = Document::read(&text(name, content), &mut |_| Ok(Vec::new()));
        let told = read.unwrap_err().to_string();
        assert!(told.starts_with(expected), "{told}");
    }
}
