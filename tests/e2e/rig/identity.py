"""Identity headers as an app should get them: what Better Auth itself says of a session, under sidegate's names."""

from typing import Any

TEXTS = {
    "x-auth-user-id": ("user", "id"),
    "x-auth-user-email": ("user", "email"),
    "x-auth-user-name": ("user", "name"),
    "x-auth-user-role": ("user", "role"),
    "x-auth-user-username": ("user", "username"),
    "x-auth-user-phone": ("user", "phoneNumber"),
    "x-auth-session-id": ("session", "id"),
    "x-auth-session-expires": ("session", "expiresAt"),
    "x-auth-impersonated-by": ("session", "impersonatedBy"),
    "x-auth-organization-id": ("session", "activeOrganizationId"),
    "x-auth-team-id": ("session", "activeTeamId"),
}
FLAGS = {
    "x-auth-user-anonymous": "isAnonymous",
    "x-auth-user-email-verified": "emailVerified",
    "x-auth-user-two-factor": "twoFactorEnabled",
    "x-auth-user-phone-verified": "phoneNumberVerified",
}


def identity_of(verdict: dict[str, Any]) -> dict[str, str]:
    """The headers, decoded, that fit what get-session answered. The role in an organization is not told there."""
    expected = {"x-auth-status": "user"}
    for header, (table, field) in TEXTS.items():
        if verdict[table].get(field):
            expected[header] = verdict[table][field]
    for header, field in FLAGS.items():
        if verdict["user"].get(field) is True:
            expected[header] = "true"
    return expected
