//! Any text at all: reading it ends, within bounds and without a panic.

use proptest::prelude::*;
use sidegate::callers::{Document, File};

/// What the grammars are made of.
const PIECES: [&str; 60] = [
    "{",
    "}",
    ";",
    "\n",
    " ",
    "\t",
    "\"",
    "'",
    "`",
    "\\",
    "#",
    "$",
    "${",
    "(",
    ")",
    "[",
    "]",
    ":",
    ",",
    "-",
    "- ",
    "---\n",
    "&a ",
    "*a",
    "<<: *a\n",
    "<<END\n",
    "END",
    "= ",
    "@x",
    "http",
    "server",
    "location",
    "= /q",
    "auth_request /q;",
    "if",
    "proxy_pass http://a/auth/nginx;",
    "proxy_set_header X-Auth-Status $http_a;",
    "error_page 500 = @x;",
    "events {}",
    "content_by_lua_block {",
    "--",
    "import x\n",
    "(x) {\n",
    "{args[0]}",
    "{args[:]}",
    "route {\n",
    "}\n",
    "forward_auth /a b {\n",
    "uri /auth/caddy\n",
    "reverse_proxy b\n",
    "handle_response @x {\n",
    "static_resources:\n",
    "http:\n",
    "  routers:\n",
    "    a: {middlewares: [a, b]}\n",
    "  middlewares:\n",
    "frontend a\n",
    "    http-request lua.sidegate\n",
    "backend b\n",
    "\"@type\": x/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz\n",
];

fn read(text: &str) {
    for name in ["x", "x.yml", "x.toml"] {
        let file = File { name: name.to_owned(), text: text.to_owned() };
        // Every include gives the file itself: the worst that can be included.
        let mut includes = |_: sidegate::callers::Include<'_>| Ok(vec![file.clone()]);
        if let Ok(document) = Document::read(&file, &mut includes) {
            let checked = document.check(&["x-auth-status"], &[]);
            assert!(checked.findings.iter().all(|finding| finding.place.line() > 0));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(text in "\\PC{0,200}") {
        read(&text);
    }

    #[test]
    fn any_order_of_the_pieces_is_read_to_its_end(pieces in proptest::collection::vec(0..PIECES.len(), 0..60)) {
        read(&pieces.into_iter().map(|piece| PIECES[piece]).collect::<String>());
    }

    #[test]
    fn a_file_that_is_right_is_read_to_its_end_wherever_it_is_cut_or_changed(
        which in 0_usize..5,
        cut in 0.0_f64..1.0,
        piece in 0..PIECES.len(),
    ) {
        let text = [
            include_str!("callers/nginx.conf"),
            include_str!("callers/traefik.yml"),
            include_str!("callers/envoy-http.yaml"),
            include_str!("callers/written-out.Caddyfile"),
            include_str!("callers/haproxy.cfg"),
        ][which];
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
        let at = (text.len() as f64 * cut) as usize;
        let (before, after) = text.split_at(at);
        read(before);
        read(&format!("{before}{}{after}", PIECES[piece]));
    }
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        format!("listen 80;\n{}", "http {".repeat(100_000)),
        format!("{}\n", ":80 {\n".repeat(100_000)),
        format!("http: {}", "[".repeat(100_000)),
        format!("a = {}", "[".repeat(100_000)),
        format!("{{\"a\": {}", "{\"a\":".repeat(100_000)),
    ] {
        let file = File { name: "x.yml".to_owned(), text };
        assert!(Document::read(&file, &mut |_| Ok(Vec::new())).is_err());
    }
}

#[test]
fn a_small_file_cannot_become_a_large_one() {
    let lines = |line: fn(usize) -> String| (1..30).map(line).collect::<Vec<_>>().concat();
    let laughs = lines(|at| format!("a{at}: &a{at} [*a{0}, *a{0}, *a{0}]\n", at - 1));
    let imports = lines(|at| format!("(a{at}) {{\n import a{0}\n import a{0}\n}}\n", at - 1));
    let yaml = format!("entryPoints: {{}}\na0: &a0 [x, x, x]\n{laughs}");
    let caddyfile = format!("(a0) {{\n respond x\n}}\n{imports}:80 {{\n import a29\n}}\n");
    for (name, text) in [("x.yml", yaml), ("Caddyfile", caddyfile)] {
        let file = File { name: name.to_owned(), text };
        let error = Document::read(&file, &mut |_| Ok(Vec::new())).unwrap_err().to_string();
        assert!(error.contains("more than "), "{error}");
    }
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    for (name, text) in
        [("nginx.conf", "include nginx.conf;"), ("Caddyfile", ":80 {\n import Caddyfile\n}\n")]
    {
        let file = File { name: name.to_owned(), text: text.to_owned() };
        let error = Document::read(&file, &mut |_| Ok(vec![file.clone()])).unwrap_err().to_string();
        assert!(error.contains("include each other more than 16 deep"), "{error}");
    }
}
