"""No message shows a password, whatever the URL looks like."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from untrained.runtime.urls import shown_error, shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg2://u:pw@127.0.0.1:1/db", "postgresql+psycopg2://u:***@127.0.0.1:1/db"),
        ("postgresql://u@127.0.0.1/db", "postgresql://u@127.0.0.1/db"),
        ("postgresql://host:5432/db?user=u&password=pw", "postgresql://host:5432/db?***"),
        ("postgresql://host/db?password=p@w", "postgresql://***"),
        ("postgresql://u:p/w@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:p@w@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:p?w@host/db", "postgresql://***"),
        ("postgresql://u:p#w@[::1]:5432/db", "postgresql://u:***@[::1]:5432/db"),
        ("postgresql://u:p{x}w@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:pw@host:port/db", "postgresql://***"),
        ("postgresql://u:pw", "postgresql://***"),
        ("postgresql:/u:pw@host/db", "***"),
        ("u:pw@host/db", "***"),
        ("redis://:pw@host", "redis://:***@host"),
        ("sqlite:////home/me@work/a b.db?uri=true", "sqlite:////home/me@work/a b.db?***"),
        ("study.db", "study.db"),
    ],
)
def test_what_is_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


PASSWORDS = st.text(st.characters(codec="ascii", exclude_characters="\n\r"), min_size=1).map(lambda t: f"S3C{t}RET")


FORMS = ("postgresql://u:{}@host/db", "mysql://host/db?password={}", "postgresql:/u:{}@host")


@settings(deadline=None)
@given(PASSWORDS, st.sampled_from(FORMS))
def test_no_password_is_shown(password: str, form: str) -> None:
    url = form.replace("{}", password)
    for shown in (shown_url(url), shown_error(ValueError(f"cannot read {url}"), url)):
        assert "S3C" not in shown
        assert "RET" not in shown


def test_errors_keep_what_is_no_secret() -> None:
    url = "postgresql://me:p%40w@host:5432/db?application=mine"
    assert shown_error(OSError('user "me" failed at host'), url) == 'OSError: user "me" failed at host'
    for secret in ('no host "w@host"', 'password "p@w"', "p%40w", "mine"):
        assert shown_error(OSError(secret), url) == "OSError"
