-- Asks sidegate whether a request may pass, and who is asking. For HAProxy from 2.6 on; needs no library.
-- haproxy.cfg beside it says which requests, and must refuse whatever this has not allowed: txn.sidegate_status is 200 for
-- those alone, whatever goes wrong in here.

-- The `listen sidegate` of haproxy.cfg, which has the timeouts: core.httpclient itself asks four times and waits each time.
local question = "http://127.0.0.1:4182/auth/haproxy"

-- Nothing else of the client's reaches sidegate, and the body never does.
local asked_about = {
    "cookie",
    "authorization",                -- read where `bearer` or `jwt` is on
    "x-api-key",                    -- for sidegate's api_key_header
    "x-forwarded-proto",            -- these two are HAProxy's own: haproxy.cfg sets them
    "x-forwarded-host",
    "origin",                       -- these three tell whose page asks (`allowed_origins`)
    "sec-fetch-site",
    "sec-websocket-version",
    "access-control-request-method",    -- this and origin tell a CORS preflight (`preflight`)
}

-- What the app is told.
local identity = {
    "x-auth-status",
    "x-auth-user-id",
    "x-auth-user-email",
    "x-auth-user-name",
    "x-auth-user-role",
    "x-auth-user-username",
    "x-auth-user-phone",
    "x-auth-user-email-verified",
    "x-auth-user-phone-verified",
    "x-auth-user-two-factor",
    "x-auth-user-anonymous",
    "x-auth-session-id",
    "x-auth-session-expires",
    "x-auth-organization-id",
    "x-auth-organization-role",
    "x-auth-team-id",
    "x-auth-impersonated-by",
    "x-auth-assertion",
    "x-auth-freshness",
}

-- What the client is told of a refusal. No content-type: an answer to HEAD has no body.
local refusal = {
    "location",
    "www-authenticate",
    "x-auth-reason",
    "retry-after",
    "cache-control",
}

local function only(names, headers)
    local chosen = {}
    for _, name in ipairs(names) do
        chosen[name] = headers[name]
    end
    return chosen
end

local function first(values)
    if values then
        return values[0] or values[1]       -- HAProxy counts a request's from 0 and an answer's from 1
    end
end

-- For haproxy.cfg. A variable that was set to nothing would count as found there.
local function note(txn, name, value)
    if value then
        txn:set_var(name, value)
    end
end

-- Sets the request's identity headers. False if one of them did not fit: HAProxy itself does not tell.
local function identify(txn, answer)
    for _, name in ipairs(identity) do
        txn.http:req_del_header(name)
        if answer[name] then
            txn.http:req_add_header(name, first(answer[name]))
        end
    end
    local request = txn.http:req_get_headers()
    for _, name in ipairs(identity) do
        if first(request[name]) ~= first(answer[name]) then
            return false
        end
    end
    return true
end

core.register_action("sidegate", { "http-req" }, function(txn)
    local headers = only(asked_about, txn.http:req_get_headers())
    headers["x-forwarded-method"] = { txn.f:method() }
    headers["x-forwarded-uri"] = { txn.f:pathq() }

    -- What haproxy.cfg asks for beyond sidegate's own routes, if it does.
    local policy = txn:get_var("txn.sidegate_policy")
    local url = policy and question .. "?policy=" .. policy or question

    local answer = core.httpclient():head{ url = url, headers = headers }

    if answer.status >= 500 and not answer.headers["x-auth-reason"] then
        return      -- not sidegate's: the `listen` between did not reach it
    end
    if answer.status == 200 and not identify(txn, answer.headers) then
        return
    end
    txn:set_priv(answer)
    note(txn, "txn.sidegate_login", first(answer.headers["x-auth-login"]))
    note(txn, "txn.sidegate_login_cookie", first(answer.headers["x-auth-login-cookie"]))
    note(txn, "txn.sidegate_reason", first(answer.headers["x-auth-reason"]))
    note(txn, "txn.sidegate_set_cookie", first(answer.headers["set-cookie"]))
    note(txn, "txn.sidegate_status", answer.status)
end)

-- Hands sidegate's refusal on to the client.
core.register_action("sidegate_refuse", { "http-req" }, function(txn)
    local answer = txn:get_priv()
    txn:done(txn:reply{ status = answer.status, headers = only(refusal, answer.headers) })
end)
