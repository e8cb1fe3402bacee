//! `[[route]]` in the settings file: every key, and every mistake with what is wrong and what to write.

use sidegate::auth::Access;
use sidegate::config::Config;

use crate::settings::load;

fn config(routes: &str) -> Result<Config, String> {
    load(&[], &[], routes)
}

/// Each route as a line with what it asks for.
fn told(config: &Config) -> Vec<String> {
    let requirements = |route: &sidegate::auth::Route| {
        let requirements: Vec<_> = route.policy.requirements().iter().map(ToString::to_string).collect();
        requirements.join(",")
    };
    let line = |route: &sidegate::auth::Route| {
        format!("{route} {} {}", route.policy.access().code(), requirements(route))
    };
    config.routes.iter().map(line).collect()
}

#[test]
fn every_key_says_what_it_says() {
    let config = config(
        r#"
        cache_ttl = "1s"
        [[route]]
        path = "/health"
        access = "public"
        [[route]]
        host = ["app.example.com", "*.example.org"]
        methods = ["POST", "DELETE"]
        path = ["/admin/{id:int}", "/admin/all"]
        any_role = ["admin", "owner"]
        all_roles = "staff"
        email_verified = true
        two_factor = true
        not_impersonated = true
        organization = true
        organization_role = ["owner"]
        max_session_age = "5m"
        max_staleness = "0s"
        stale_if_error = "0s"
        [[route]]
        methods = "GET"
        access = "deny"
        email_verified = false
        "#,
    )
    .unwrap();
    let all = "session email_verified,two_factor,not_impersonated,organization,any_role:admin|owner,all_roles:staff,\
               organization_role:owner,max_session_age:5m";

    assert_eq!(
        told(&config),
        [
            format!("POST,DELETE app.example.com/admin/all {all}"),
            format!("POST,DELETE app.example.com/admin/{{id:int}} {all}"),
            format!("POST,DELETE *.example.org/admin/all {all}"),
            format!("POST,DELETE *.example.org/admin/{{id:int}} {all}"),
            "* /health public ".to_owned(),
            "GET /{*rest} deny ".to_owned(),
        ]
    );
    assert_eq!(config.ages.session.as_secs(), 1);
}

#[test]
fn without_routes_there_are_none() {
    assert_eq!(config("").unwrap().routes.iter().count(), 0);
    assert_eq!(config("[[route]]").unwrap().routes.iter().next().unwrap().policy.access(), Access::Session);
}

#[test]
fn a_method_that_nobody_knows_is_warned_of() {
    let warnings = |methods: &str| config(&format!("[[route]]\nmethods = {methods}")).unwrap().warnings;

    let usual = warnings(r#"["GET", "POST", "PATCH", "OPTIONS", "PROPFIND", "PURGE"]"#);
    assert!(usual.iter().all(|warning| !warning.contains("no method")), "{usual:?}");
    let slip = warnings(r#"["GET", "DELTE"]"#);
    assert!(slip.iter().any(|warning| warning.contains("GET,DELTE /{*rest} is for DELTE")), "{slip:?}");
}

#[test]
fn without_a_store_nobody_can_be_asked_anew() {
    let flags = [("store", "none"), ("cookie_cache", "jwe")];
    let route = "[[route]]\npath = \"/pay\"\nmax_staleness = \"0s\"";

    let error = load(&flags, &[], route).unwrap_err();

    for part in ["* /pay has max_staleness", "store is none", "leave max_staleness out"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(load(&flags, &[], "[[route]]\npath = \"/pay\"").is_ok());
}

#[test]
fn a_mistake_names_the_route_what_is_wrong_and_what_to_write() {
    for (route, parts) in [
        ("[[route]]\nrole = \"x\"", &["number 1", "sidegate.toml", "has the key role", "any_role"][..]),
        ("[[route]]\n[[route]]\npath = \"admin\"", &["number 2", "\"admin\"", "begin with /", "FastAPI"]),
        ("[[route]]\npath = \"/{*a}/b\"", &["nothing can stand behind"]),
        ("[[route]]\npath = 7", &["path is neither a text nor a list"]),
        ("[[route]]\npath = []", &["path is neither a text nor a list"]),
        ("[[route]]\nhost = \"https://x.test\"", &["host:", "is no host"]),
        (
            "[[route]]\nhost = \"app.example.com:8443\"",
            &["host:", "app.example.com:8443", "any port", "name the host alone"],
        ),
        ("[[route]]\nhost = \"*.example.com:443\"", &["host:", "has a port"]),
        ("[[route]]\nhost = \"*.example.com:+443\"", &["host:", "is no host"]),
        ("[[route]]\nhost = \"a..example.com\"", &["host:", "is no host"]),
        ("[[route]]\npath = \"/admin/*\"", &["/admin/*", "\"*\" would stand for itself", "{rest:path}"]),
        ("[[route]]\nmethods = [\"get\"]", &["methods has \"get\"", "[\"POST\", \"DELETE\"]"]),
        (
            "[[route]]\naccess = \"everybody\"",
            &["access is \"everybody\"", "public, optional, session or deny"],
        ),
        ("[[route]]\naccess = true", &["access is \"boolean\""]),
        ("[[route]]\nany_role = []", &["any_role"]),
        ("[[route]]\nany_role = [\"a,b\"]", &["any_role takes names of roles"]),
        ("[[route]]\nany_role = [\"a|b\"]", &["any_role has \"a|b\"", "each by itself"]),
        ("[[route]]\ntwo_factor = \"yes\"", &["two_factor", "true or false"]),
        ("[[route]]\nmax_session_age = 300", &["max_session_age", "integer"]),
        ("[[route]]\nmax_session_age = \"soon\"", &["max_session_age takes a time"]),
        ("[[route]]\naccess = \"public\"\ntwo_factor = true", &["two_factor:", "access is public"]),
        ("[[route]]\naccess = \"optional\"\nmax_staleness = \"0s\"", &["access is optional"]),
        ("[route]\npath = \"/x\"", &["no list of tables", "[[route]]"]),
        ("route = [1]", &["no list of tables"]),
        (
            "[[route]]\npath = \"/{a}\"\n[[route]]\npath = \"/{b}\"",
            &["two routes", "* /{a} and * /{b} are equally specific", "order of routes means nothing"],
        ),
    ] {
        let error = config(route).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{route}\n{error}\nlacks {part}");
        }
    }
}

#[test]
fn all_mistakes_in_routes_are_told_at_once() {
    let error = config("cache_ttl = \"x\"\n[[route]]\npath = \"a\"\n[[route]]\npath = \"b\"").unwrap_err();

    for part in ["number 1", "number 2", "cache_ttl"] {
        assert!(error.contains(part), "{error}");
    }
}
