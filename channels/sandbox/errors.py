"""The providers' errors as data, so that faults can be asked for by the provider's own code."""

from __future__ import annotations

from dataclasses import dataclass

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@dataclass(frozen=True, slots=True)
class FcmFault:
    """https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode. `fcm` None: the envelope carries no FcmError detail."""

    http: int
    status: str
    fcm: str | None
    message: str
    field: str | None = None

    def body(self, violations: list[dict[str, str]] | None = None) -> dict[str, object]:
        """Google's error envelope."""
        if violations is None and self.field is not None:
            violations = [{"field": self.field, "description": self.message}]
        details: list[dict[str, object]] = [{"@type": FCM_ERROR, "errorCode": self.fcm}] if self.fcm else []
        if violations:
            details.append({"@type": BAD_REQUEST, "fieldViolations": violations})
        return {"error": {"code": self.http, "message": self.message, "status": self.status, "details": details}}


_NO_REGISTRATION = "The registration token is not a valid FCM registration token"

FCM: dict[str, FcmFault] = {
    "UNREGISTERED": FcmFault(404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
    "INVALID_ARGUMENT": FcmFault(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", _NO_REGISTRATION),
    # The same fact in the fuller shape FCM also answers with (firebase-admin-dotnet issue 45).
    "INVALID_TOKEN": FcmFault(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", _NO_REGISTRATION, "message.token"),
    "BAD_REQUEST": FcmFault(400, "INVALID_ARGUMENT", None, "Request contains an invalid argument.", "message.notification"),
    "SENDER_ID_MISMATCH": FcmFault(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch"),
    "THIRD_PARTY_AUTH_ERROR": FcmFault(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", "Auth error from APNS or Web Push Service"),
    "UNAUTHENTICATED": FcmFault(401, "UNAUTHENTICATED", None, "Request had invalid authentication credentials."),
    "QUOTA_EXCEEDED": FcmFault(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded for sending messages."),
    "UNAVAILABLE": FcmFault(503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable."),
    "INTERNAL": FcmFault(500, "INTERNAL", "INTERNAL", "Internal error encountered."),
}

# Codes whose HTTP status is not 400, https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
_CLOUD_HTTP = {
    401: (0, 190),
    403: (10, 368, 130497, 131005, 131031),
    404: (132001,),
    429: (4, 80007, 130429, 131048, 131056, 131064),
    500: (3, 131000, 131016, 131057),
    503: (2,),
}
_HTTP_OF = {code: http for http, codes in _CLOUD_HTTP.items() for code in codes}

_CLOUD_TITLES = {
    0: "AuthException",
    100: "Invalid parameter",
    190: "Invalid OAuth access token",
    130429: "Rate limit hit",
    130472: "User's number is part of an experiment",
    131000: "Something went wrong",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "This message was not delivered to maintain healthy ecosystem engagement",
    131050: "User has stopped receiving marketing messages from this business",
    131051: "Unsupported message type",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
    132005: "Translated text too long",
    132015: "Template is paused",
    132016: "Template is disabled",
    132018: "There's an issue with the parameters in your template",
}


def cloud_http(code: int) -> int:
    """The HTTP status Meta sends with an error code."""
    return 403 if 200 <= code <= 299 else _HTTP_OF.get(code, 400)


def cloud_title(code: int) -> str:
    return _CLOUD_TITLES.get(code, "Error")
