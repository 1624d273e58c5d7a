import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.submitter.cli.stage import House, sandbox


@pytest.fixture
def kitchen(house: House) -> str:
    path = house.folder / "kitchen.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(path)
    return str(path)


def test_submit_says_what_comes_next(house: House, kitchen: str) -> None:
    """Without --wait: id and status on stdout, what comes next beside it; the named options reach the provider."""
    options = ["--prompt", "a donut", "--image", kitchen, "--seed", "42", "--aspect-ratio", "16:9", "--format", "png"]
    more = ["--n", "2", "--safety", "3", "-p", "guidance_scale=2.5", "--tag", "batch=one"]
    with sandbox(house):
        said = house.run("submit", "fal", *options, *more)
    job, status = said.out.split()
    assert (said.status, status) == (0, "submitted")
    assert f"`proofhook wait {job}`" in said.line
    found = house.run("show", job, "--json").json
    assert found["tags"] == {"batch": "one"}
    params = found["params"]
    assert (str(params["seed"]), params["aspect_ratio"], params["output_format"]) == ("42", "16:9", "png")
    assert (params["num_images"], params["safety_tolerance"], params["guidance_scale"]) == (2, "3", 2.5)


def test_submit_json(house: House, kitchen: str) -> None:
    """`--json` prints the whole job and nothing else on stdout."""
    with sandbox(house):
        said = house.run("submit", "fal", "--prompt", "a donut", "--image", kitchen, "--json")
    assert said.status == 0
    assert said.json["status"] == "submitted"


def test_submit_and_wait(house: House) -> None:
    """With --wait: a table of the images that are here; status 0 as they were delivered."""
    with sandbox(house, receiving=True):
        said = house.run("submit", "runware", "--prompt", "a donut", "--n", "2", "--wait", "--timeout", "60")
    assert said.status == 0, said
    head, *rows = said.out.splitlines()
    assert head.split() == ["n", "state", "type", "pixels", "bytes", "by", "tries", "path"]
    assert len(rows) == 2
    for row in rows:
        _, state, media_type, pixels, size, *_, path = row.split()
        assert (state, media_type, pixels) == ("stored", "image/jpeg", "1024x1024")
        assert Path(path).stat().st_size == int(size)


def test_submit_upload_and_wait_json(house: House) -> None:
    """With --upload the bytes were PUT to us; --wait --json gives the whole job, images with their paths."""
    with sandbox(house, receiving=True):
        said = house.run(
            "submit", "runware", "--prompt", "a donut", "--upload", "--wait", "--timeout", "60", "--json"
        )  # fmt: skip
    assert said.status == 0, said
    (image,) = said.json["images"]
    assert image["arrived_by"] == "upload"
    assert Path(image["path"]).is_file()


def test_the_provider_says_no(house: House) -> None:
    """A job refused at the door is status 1 with the provider's own code and message."""
    with sandbox(house) as origin:
        house.patch.setenv("VTRIX_URL", f"{origin}/nowhere")
        said = house.run("submit", "vtrix", "--prompt", "a donut")
    job, status = said.out.split()
    assert (said.status, status) == (1, "failed")
    assert said.line.startswith(f"proofhook: job {job} failed (")


def test_a_job_that_fails(house: House, kitchen: str) -> None:
    """A job that fails while we wait is status 1 with the provider's code and message."""
    with sandbox(house, receiving=True):
        arguments = ["--prompt", "a donut [fail]", "--image", kitchen, "--wait", "--timeout", "60"]
        said = house.run("submit", "fal", *arguments)
    assert (said.status, said.out) == (1, "")
    assert "failed (" in said.err.splitlines()[-1]
    assert "asked to fail" in said.err.splitlines()[-1]


def test_no_usable_answer(house: House) -> None:
    """Where the provider's answer never came the job stands as pending, and is not sent twice."""
    with sandbox(house, {"error_500": 1}):
        said = house.run("submit", "vtrix", "--prompt", "a donut")
    assert said.status == 0
    assert said.out.split()[1] == "pending"
    assert "not sent twice" in said.err.splitlines()[-1]


def test_out_of_time(house: House) -> None:
    """--timeout ends the wait, not the job: status 1, and how to look again."""
    with sandbox(house):
        said = house.run("submit", "vtrix", "--prompt", "a donut", "--wait", "--timeout", "0")
    assert said.status == 1
    last = said.err.splitlines()[-1]
    assert "is still submitted and goes on; look with `proofhook wait " in last


def test_the_same_key_is_the_same_job(house: House) -> None:
    """--idempotency-key: the same order is not sent again, another order under it is refused."""
    order = ["submit", "vtrix", "--idempotency-key", "k1", "--json", "--prompt"]
    with sandbox(house):
        first, second = house.run(*order, "a donut"), house.run(*order, "a donut")
        third = house.run(*order, "a bagel")
    assert first.json["id"] == second.json["id"]
    assert third.status == 2
    assert "--idempotency-key" in third.line


@pytest.mark.parametrize(
    ("provider", "option", "names"),
    [
        ("vtrix", ["--n", "2"], "--n"),
        ("fal", ["--upload"], "--upload"),
        ("vtrix", ["--format", "webp"], "--format"),
        ("vtrix", ["-p", "colour=red"], "colour"),
    ],
)
def test_what_a_provider_cannot_do(house: House, provider: str, option: list[str], names: str) -> None:
    """An order that the provider cannot fill is bad usage: one sentence, and no row is written."""
    with sandbox(house):
        said = house.run("submit", provider, "--prompt", "a donut", *option)
    assert (said.status, said.out) == (2, "")
    assert names in said.line
    assert house.run("jobs", "--json").json == []


def test_no_spending_key(house: House) -> None:
    """Without the provider's key nothing is sent: status 2, naming the variable."""
    said = house.run("submit", "vtrix", "--prompt", "a donut")
    assert said.status == 2
    assert "VTRIX_API_KEY is not set" in said.line


def test_interrupted_while_waiting(house: House) -> None:
    """Ctrl-C while waiting is status 130, without a traceback; the job's id was told before."""
    with sandbox(house):
        command = [sys.executable, "-m", "submitter.cli", "submit", "vtrix", "--prompt", "a donut", "--wait"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ, text=True)
        with process:
            assert process.stderr is not None
            said = process.stderr.readline().split()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
    assert house.run("show", said[1], "--json").json["status"] == "submitted"
