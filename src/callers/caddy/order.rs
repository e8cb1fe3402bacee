//! In which order Caddy runs the directives of a block (`caddyconfig/httpcaddyfile/directives.go`).

use super::super::directive::Directive;

/// The default order, of what matters here.
const DEFAULT: [&str; 33] = [
    "tracing",
    "map",
    "vars",
    "fs",
    "root",
    "log_append",
    "log_skip",
    "header",
    "request_body",
    "redir",
    "method",
    "rewrite",
    "uri",
    "try_files",
    "basicauth",
    "basic_auth",
    "forward_auth",
    "request_header",
    "encode",
    "push",
    "intercept",
    "templates",
    "invoke",
    "handle",
    "handle_path",
    "route",
    "abort",
    "error",
    "respond",
    "metrics",
    "reverse_proxy",
    "php_fastcgi",
    "file_server",
];

/// The order that a file has, by its `order` options.
#[derive(Debug)]
pub(super) struct Order<'a>(Vec<&'a str>);

/// Whether a word is a directive and not, say, the address of a site.
pub(super) fn is_known(name: &str) -> bool {
    DEFAULT.contains(&name) || matches!(name, "tls" | "log" | "bind" | "handle_errors")
}

impl<'a> Order<'a> {
    /// The default, changed by the lines of the global options.
    pub(super) fn of(options: impl Iterator<Item = &'a Directive>) -> Self {
        let mut order = DEFAULT.to_vec();
        for line in options.filter(|line| line.name() == "order") {
            let [name, to, beside @ ..] = line.arguments() else { continue };
            let beside = beside.first().map_or("", String::as_str);
            order.retain(|known| known != name);
            let at = order.iter().position(|known| *known == beside);
            let at = match (to.as_str(), at) {
                ("first", _) => 0,
                ("before", Some(at)) => at,
                ("after", Some(at)) => at + 1,
                _ => order.len(),
            };
            order.insert(at, name);
        }
        Self(order)
    }

    /// The lines of a block as they run.
    pub(super) fn sorted<'b>(&self, lines: &'b [Directive]) -> Vec<&'b Directive> {
        let mut sorted: Vec<_> = lines.iter().collect();
        sorted.sort_by_key(|line| {
            self.0.iter().position(|known| *known == line.name()).unwrap_or(self.0.len())
        });
        sorted
    }
}
