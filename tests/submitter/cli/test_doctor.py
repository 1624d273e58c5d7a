"""`proofhook doctor` beside a running receiver, and on a machine where nothing is set up yet."""

from tests.submitter.cli.stage import KEYS, House, sandbox


def test_doctor_beside_a_receiver(house: House) -> None:
    """Stand-ins on this machine: it is reached, and what is bad is only what does not run here."""
    house.job()
    (house.folder / "images").mkdir()  # the receiver may be a moment behind us
    with sandbox(house, receiving=True):
        said = house.run("doctor", "--json")
    found = {each["name"]: each["state"] for each in said.json}
    assert {name for name, state in found.items() if state == "bad"} == {"reconciler", "sealer"}
    for name in ("secrets", "public URL", "reached", "redirects", "body limit", "keys of fal", "database", "storage"):
        assert found[name] == "good", name
    assert [found[f"key of {name}"] for name in ("fal", "runware")] == ["good", "good"]
    assert said.status == 3
    assert all(each["mend"] for each in said.json if each["state"] == "bad")


def test_doctor_makes_nothing(house: House) -> None:
    """Before the first start: no database, folder or secret is made by looking; keys are named, never shown."""
    for name in KEYS:
        house.patch.setenv(name, "")
    house.patch.setenv("FAL_JWKS_URL", "http://127.0.0.1:9/jwks")
    house.patch.setenv("PUBLIC_URL", "http://127.0.0.1:9")
    house.patch.delenv("PROOFHOOK_SECRET")
    said = house.run("doctor")
    assert said.status == 3
    assert "■ bad" in said.out
    assert "set one of FAL_KEY" in said.out
    assert list(house.folder.iterdir()) == []


def test_a_key_is_never_shown(house: House) -> None:
    """Neither a good one nor one that no header can carry."""
    house.patch.setenv("FAL_JWKS_URL", "http://127.0.0.1:9/jwks")
    house.patch.setenv("PUBLIC_URL", "http://127.0.0.1:9")
    house.patch.setenv("FAL_KEY", "secret-of-fal")
    house.patch.setenv("RUNWARE_API_KEY", "secret\u00e9of-runware")
    said = house.run("doctor", "--json")
    found = {each["name"]: each["state"] for each in said.json}
    assert (found["key of fal"], found["key of runware"], found["key of vtrix"]) == ("good", "bad", "unknown")
    assert "secret" not in said.out.replace("PROOFHOOK_SECRET", "").replace('"secrets"', "")
