"""What the tests of signing in share."""

from app.access.passwords import hash_password
from app.domain.vocabulary import Role
from app.services.accounts import NewUser, Term, create_user

PASSWORD = "Xiaohao-2026"
PASSWORD_HASH = hash_password(PASSWORD)


def make_login(session, street, clock, username="wangli", **changes):
    """Somebody who can sign in with ``PASSWORD``."""
    new = NewUser(
        username, f"G-{username}", "王丽", Role.INSPECTOR, PASSWORD_HASH, [Term(street.community.id)], **changes
    )
    user = create_user(session, new, now=clock())
    session.commit()
    return user


def ask(client, **form):
    return client.post("/auth/token", data=form)


def by_password(client, password=PASSWORD, username="wangli"):
    return ask(client, grant_type="password", username=username, password=password)


def refresh(client, refresh_token):
    return ask(client, grant_type="refresh_token", refresh_token=refresh_token)


def change(client, password, chosen, username="wangli"):
    return client.post("/auth/password", json={"username": username, "password": password, "new_password": chosen})


def me(client, token):
    return client.get("/me", headers={"Authorization": f"Bearer {token}"})


def told(answer):
    """Status and code."""
    return answer.status_code, answer.json().get("code")
