//! What proxies are told, and what of theirs is let by.

use super::super::CallerSettings;
use super::Reader;
use super::store::pairs;
use crate::auth::{AllowedOrigins, FetchSites, SameOrigin};
use crate::dialect::{HeaderNames, HeaderNamesError, LoginPage, ReturnHosts, Terms};
use crate::serve::Mode;

impl Reader<'_> {
    pub(super) fn terms(&mut self) -> Option<Terms> {
        let login = self.login();
        Some(Terms { names: self.header_names()?, login })
    }

    pub(in super::super) fn header_names(&mut self) -> Option<HeaderNames> {
        let preset = self.value("header_preset", "write sidegate, oauth2-proxy or authelia", |text| {
            HeaderNames::preset(text).ok_or("there are three")
        });
        let hint = "write field=Header with commas between them, such as user_id=X-User,user_name= (nothing: it is not told); \
                    the fields are status, assertion, freshness, user_id, user_email, user_name, user_role, user_username, user_phone, \
                    user_email_verified, user_phone_verified, user_two_factor, user_anonymous, session_id, \
                    session_expires, organization_id, organization_role, team_id and impersonated_by";
        let (preset, given) = (preset?, self.sources.given("header_names")?);
        self.check("header_names", &given, hint, |text| {
            let renamed =
                pairs(text).map(|pair| pair.split_once('=').ok_or_else(|| format!("{pair:?} has no =")));
            let renamed = renamed.collect::<Result<Vec<_>, _>>()?;
            preset.with(renamed).map_err(|error: HeaderNamesError| error.to_string())
        })
    }

    pub(in super::super) fn caller_settings(&mut self) -> Option<CallerSettings> {
        let listen = self.listen();
        let names = self.header_names();
        let store_timeout = self.store_timeout();
        let cookie_name = self.cookie_name();
        let api_key_header = self.api_key_header();
        Some(CallerSettings {
            listen: listen?,
            names: names?,
            store_timeout: store_timeout?,
            cookie_name: cookie_name?,
            api_key_header,
        })
    }

    /// Whether CORS preflights are let by.
    pub(super) fn preflight(&mut self) -> Option<bool> {
        self.value("preflight", "write deny or pass", |text| match text {
            "deny" => Ok(false),
            "pass" => Ok(true),
            _ => Err("there are two"),
        })
    }

    /// `None` if there is none, or a mistake in it.
    pub(super) fn same_origin(&mut self) -> Option<SameOrigin> {
        let origins: AllowedOrigins = self.parsed(
            "allowed_origins",
            "write origins such as https://app.example.com, https://app.example.com:8443 or https://*.example.com with \
             commas between them: a scheme, a host, and nothing behind the port",
        )?;
        let sites: FetchSites = self.parsed(
            "allowed_fetch_sites",
            "write same-origin, same-site and none, as many of them as are meant, with commas between them",
        )?;
        if origins.is_empty() {
            if !self.given("allowed_fetch_sites")?.is_default() {
                self.warnings.push("allowed_fetch_sites means nothing without allowed_origins".to_owned());
            }
            return None;
        }
        if origins.trust_the_network() {
            self.warnings.push(
                "allowed_origins has an http:// origin: whoever is between a browser and that page can write into it what they \
                 like, and send it with the reader's cookie"
                    .to_owned(),
            );
        }
        Some(SameOrigin::new(origins, sites))
    }

    /// Whether what is decided is kept to.
    pub(super) fn mode(&mut self) -> Option<Mode> {
        let mode = self.value("mode", "write enforce or shadow", |text| match text {
            "enforce" => Ok(Mode::Enforce),
            "shadow" => Ok(Mode::Shadow),
            _ => Err("there are two"),
        })?;
        if mode == Mode::Shadow {
            self.warnings.push(
                "mode is shadow: NOTHING IS ENFORCED. Every request passes, signed in or not; who would have been denied is told \
                 in the log and in sidegate_shadow_passes_total. Set mode to enforce to deny them"
                    .to_owned(),
            );
        }
        Some(mode)
    }

    fn login(&mut self) -> Option<LoginPage> {
        let return_to = self.sources.given("return_to_param").map_or("", |given| given.text);
        let hosts: ReturnHosts = self.parsed(
            "allowed_return_hosts",
            "write hosts such as app.example.com, app.example.com:8443 or *.example.com with commas between them",
        )?;
        let url = self.given("login_url")?;
        let hint = "write a path such as /login, or an http(s) URL";
        let page = self.check("login_url", &url, hint, |url| LoginPage::new(url, return_to))?;
        if page.names_host() && hosts.is_empty() && !return_to.is_empty() {
            self.warnings.push(
                "login_url is on a host of its own and allowed_return_hosts names none: people come back to a path on \
                 that host. Name the hosts of your apps"
                    .to_owned(),
            );
        }
        Some(page.with_return_hosts(hosts))
    }
}
