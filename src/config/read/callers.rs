//! What proxies are told, and what of theirs is let by.

use super::super::CallerSettings;
use super::Reader;
use super::store::pairs;
use crate::dialect::{HeaderNames, HeaderNamesError, LoginPage, ReturnHosts, Terms};

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
                    the fields are status, assertion, user_id, user_email, user_name, user_role, user_username, user_phone, \
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
