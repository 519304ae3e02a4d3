"""The page at /, in a real browser: what a person sees is what happens."""

from __future__ import annotations

import pytest
from browsing import chromium, open_tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.needs("api", "postgres", "rabbitmq", "worker"),
]

#: Would run as a script if anything made markup of it.
MARKUP = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"

ROWS = "SELECT count(*) FROM tasks WHERE correlation_id = %s"


@pytest.fixture(scope="module")
def browser():
    # Until the end of this module only: it keeps an event loop running in this thread.
    with chromium() as opened:
        yield opened


@pytest.fixture
def tab(browser, component, ledger, record_property):
    """`tab(**options)`: the page in a tab of its own, whose tasks are removed afterwards."""
    address = str(component("api").base_url).rstrip("/")
    tabs = []

    def new(path="", **options):
        tabs.append(open_tab(browser, address, ledger.key("tab"), path, **options))
        return tabs[-1]

    yield new
    for one in tabs:
        one.page.context.close()


@pytest.mark.criterion("AC-100")
def test_a_circuit_is_run_and_its_counts_are_a_chart(tab, component):
    one = tab(reduced_motion="reduce")  # bars that grow have no width to measure yet
    one.choose("Bell pair")
    one.run()
    one.wait("Completed after")
    task = component("api").get(f"/tasks/{one.task_id()}").json()
    assert one.counts() == task["result"]
    assert sum(one.counts().values()) == 1024
    assert list(one.counts()) == ["00", "11"]
    widths = {
        bits: row.locator(".bar").bounding_box()["width"]
        for bits, row in zip(one.counts(), one.page.locator("tbody tr").all(), strict=True)
    }
    most = max(task["result"].values())
    for bits, count in task["result"].items():  # both may have 512, or nearly
        assert widths[bits] / max(widths.values()) == pytest.approx(count / most, abs=0.01)
    steps = one.page.get_by_role("list", name="States").get_by_role("listitem").all_inner_texts()
    assert steps == ["Waiting", "Running", "Completed"]
    assert one.complaints == []


@pytest.mark.criterion("AC-100")
@pytest.mark.long
def test_it_works_without_a_mouse(tab):
    one = tab()
    press = one.page.keyboard.press
    press("Tab")
    assert one.page.evaluate("document.activeElement.textContent") == "Skip to the circuit"
    press("Enter")
    press("Tab")  # from the circuit, to which the link has led
    assert one.page.evaluate("document.activeElement.id") == "shots"
    press("Control+A")
    one.page.keyboard.type("77")
    press("Tab")
    assert one.page.evaluate("document.activeElement.id") == "run"
    press("Enter")
    one.wait("Completed after")
    assert sum(one.counts().values()) == 77
    assert one.page.evaluate("document.activeElement.id") == "run"
    one.page.get_by_label("Program in OpenQASM 3").press("Control+Enter")
    one.page.locator("#recent-list li").nth(1).wait_for()


@pytest.mark.criterion("AC-100")
@pytest.mark.requires("pause")
@pytest.mark.long
def test_the_states_are_shown_as_they_come(tab, fault):
    one = tab()
    with fault.paused("worker"):
        one.run()
        one.wait("Waiting for a worker…")
        current = one.page.locator("#steps [aria-current=step]")
        assert current.inner_text() == "Waiting"
    one.wait("Completed after")
    assert current.inner_text() == "Completed"
    assert one.state.get_attribute("role") == "status"  # so it is read out


@pytest.mark.criterion("AC-101")
@pytest.mark.long
def test_a_wrong_program_is_told_where(tab):
    one = tab()
    one.choose("A mistake")
    one.run()
    one.wait("Failed after")
    assert "gate 'hadamard' is not defined" in one.page.locator(".reason").inner_text()
    one.by("button", "Show line 5").click()
    selected = "[circuit.selectionStart, circuit.selectionEnd]"
    start, end = one.page.evaluate(f"{selected}")
    assert one.page.locator("#circuit").input_value()[start:end] == "hadamard q[0];"
    assert one.page.evaluate("document.activeElement.id") == "circuit"


@pytest.mark.criterion("AC-102")
@pytest.mark.parametrize("status", ["completed", "failed"])
@pytest.mark.long
def test_whatever_the_api_says_stays_text(tab, status):
    """No circuit gets its markup into a message today; here each text of an answer holds some."""
    one = tab()

    def poison(route):
        task = route.fetch().json()
        for entry in task["status_history"]:
            entry["notes"] = MARKUP
        if task["status"] == "completed":
            task["result"] = {MARKUP: 7, "0": 5}
        elif task["status"] == "failed":
            task["error_message"] = MARKUP
        route.fulfill(json=task)

    one.page.route("**/tasks/*", poison)
    one.choose("Bell pair" if status == "completed" else "A mistake")
    one.run()
    one.wait(f"{status.capitalize()} after")
    assert MARKUP in one.page.locator("#history").inner_text()
    place = ".reason" if status == "failed" else "tbody"
    assert MARKUP[:20] in one.page.locator(place).inner_text()
    one.page.route("**/tasks", lambda route: route.fulfill(status=409, json={"detail": MARKUP}))
    one.run()
    one.page.get_by_role("alert").get_by_text(MARKUP).wait_for()
    assert one.page.locator("main img, main script").count() == 0
    assert one.page.title() == "Quantum task queue"
    assert not [text for text in one.complaints if "409" not in text]


@pytest.mark.criterion("AC-102")
@pytest.mark.parametrize("path", [f"#task={MARKUP}", "#task=../health"])
@pytest.mark.long
def test_an_address_that_names_no_task_is_told_so(tab, path):
    one = tab(path)
    one.wait("The address of this page names no task.")
    assert one.page.title() == "Quantum task queue"
    assert one.complaints == []


@pytest.mark.criterion("AC-102")
@pytest.mark.long
def test_scripts_that_are_not_its_own_do_not_run(tab):
    one = tab()
    refused = one.page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return false }"
        " catch (error) { return error.name } }"
    )
    assert refused == "TypeError"
    # The failed load comes after the violation; without one it is the answer.
    violated = one.page.evaluate(
        """() => new Promise((done) => {
            document.addEventListener("securitypolicyviolation",
                (event) => done(event.effectiveDirective));
            const made = document.createElement("img");
            made.onerror = () => setTimeout(() => done("none"), 500);
            made.src = "http://127.0.0.2:9/x.png";
            document.body.append(made);
        })"""
    )
    assert violated == "img-src"


@pytest.mark.criterion("AC-101")
@pytest.mark.long
def test_what_the_form_can_see_is_said_beside_the_field(tab):
    one = tab()
    one.write("  ")
    one.page.get_by_label("Shots").fill("0")
    one.run()
    circuit, shots = one.page.locator("#circuit"), one.page.locator("#shots")
    assert circuit.get_attribute("aria-invalid") == shots.get_attribute("aria-invalid") == "true"
    assert "Write a program" in one.page.locator("#circuit-error").inner_text()
    assert "1 to 100,000" in one.page.locator("#shots-error").inner_text()
    assert one.page.evaluate("document.activeElement.id") == "circuit"
    assert not any(url.endswith("/tasks") for url in one.requested)


@pytest.mark.criterion("AC-101")
@pytest.mark.long
def test_what_the_api_refuses_is_shown_in_its_words(tab):
    one = tab()
    one.page.evaluate("circuit.value = 'x'.repeat(2 ** 21)")
    one.run()
    alert = one.page.get_by_role("alert")
    alert.get_by_text("The body is larger than 2097152 bytes.").wait_for()
    assert one.key in alert.inner_text()  # the correlation id, to ask about it


@pytest.mark.criterion("AC-101")
@pytest.mark.long
def test_an_answer_that_is_lost_on_the_way_stores_nothing_twice(tab, db_client):
    one = tab()

    def lose(route):
        assert route.fetch().status == 200  # it is stored
        route.abort("connectionreset")

    one.page.route("**/tasks", lose, times=1)
    one.run()
    one.page.get_by_role("alert").get_by_text("Run it again").wait_for()
    one.run()
    one.wait("Completed after")
    assert db_client.sql.value(ROWS, [one.key]) == 1
    one.run()  # answered, so this is a new one
    one.page.locator("#recent-list li").nth(1).wait_for()
    assert db_client.sql.value(ROWS, [one.key]) == 2


@pytest.mark.criterion("AC-101")
@pytest.mark.requires("stop")
@pytest.mark.long
def test_with_the_database_away_it_says_so_and_can_be_run_again(tab, fault, db_client):
    one = tab()
    with fault.stopped("postgres"):
        one.run()
        one.page.get_by_role("alert").get_by_text("Run it again").wait_for()
    one.run()
    one.wait("Completed after")
    assert one.page.get_by_role("alert").inner_text() == ""
    assert db_client.sql.value(ROWS, [one.key]) == 1


@pytest.mark.criterion("AC-101")
@pytest.mark.long
def test_the_watch_goes_on_when_the_network_is_back(tab, completed):
    first = tab()
    first.run()
    first.wait("Completed after")
    one = tab()
    one.page.context.set_offline(True)
    one.page.evaluate(f"location.hash = 'task={first.task_id()}'")
    one.page.get_by_text("The server does not answer.").wait_for()
    one.page.context.set_offline(False)
    one.wait("Completed after")
    assert one.counts() == first.counts()


@pytest.mark.criterion("AC-100")
@pytest.mark.long
def test_a_task_has_an_address_and_the_tab_remembers_it(tab):
    one = tab()
    one.choose("Teleportation")
    one.run()
    one.wait("Completed after")
    address = one.page.url
    one.page.reload()
    one.wait("Completed after")
    recent = one.by("navigation", "Submitted from this tab").get_by_role("listitem")
    assert "Teleportation" in recent.inner_text()
    assert "Completed" in recent.inner_text()
    other = tab(address.removeprefix(f"{one.address}/"))
    other.wait("Completed after")
    assert other.counts() == one.counts()


@pytest.mark.criterion("AC-100")
@pytest.mark.long
def test_many_outcomes_are_the_most_frequent_ones(tab):
    one = tab()
    one.write("OPENQASM 3; qubit[10] q; h q; rx(0.5) q; ry(1) q; measure q;")
    one.page.get_by_label("Shots").fill("20000")
    one.run()
    one.wait("Completed after")
    counts = list(one.counts().values())
    assert len(counts) == 32
    assert counts == sorted(counts, reverse=True)
    one.page.get_by_text("The 32 most frequent of").wait_for()


@pytest.mark.long
def test_choosing_an_example_does_not_lose_what_was_typed(tab):
    one = tab()
    one.write("mine")
    one.choose("Bell pair")
    assert "cx q[0], q[1];" in one.page.locator("#circuit").input_value()
    one.choose("your own circuit")
    assert one.page.locator("#circuit").input_value() == "mine"


@pytest.mark.criterion("AC-103")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.long
def test_axe_finds_no_barrier(tab, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="make browser")
    # The policy of the page would keep axe itself out.
    options = {"color_scheme": scheme, "reduced_motion": "reduce", "bypass_csp": True}
    one = tab(**options)
    found = {}

    def look(when):
        found[when] = axe.Axe().run(one.page).response["violations"]

    look("at first")
    one.page.get_by_label("Shots").fill("0")
    one.run()
    look("invalid")
    one.page.get_by_label("Shots").fill("100")
    one.run()
    one.wait("Completed after")
    look("completed")
    one.choose("A mistake")
    one.run()
    one.wait("Failed after")
    look("failed")
    assert {when: [one["id"] for one in those] for when, those in found.items() if those} == {}


@pytest.mark.criterion("AC-103")
@pytest.mark.long
def test_it_fits_a_narrow_screen(tab):
    one = tab(viewport={"width": 320, "height": 640})
    one.choose("Grover search")
    one.run()
    one.wait("Completed after")
    assert one.page.evaluate("document.documentElement.scrollWidth") == 320
    assert one.page.locator("#task").bounding_box()["y"] < 640 / 3  # it has come into view


@pytest.mark.criterion("AC-103")
@pytest.mark.parametrize(("motion", "name"), [("reduce", "none"), ("no-preference", "grow")])
@pytest.mark.long
def test_nothing_moves_for_who_asks_for_that(tab, motion, name):
    one = tab(reduced_motion=motion)
    one.run()
    one.wait("Completed after")
    bar = one.page.locator(".bar").first
    assert bar.evaluate("(bar) => getComputedStyle(bar).animationName") == name


def ids(one) -> list[str]:
    """The tasks that the queue shows, from above."""
    links = one.page.locator("#queue-list a")
    return links.evaluate_all("(links) => links.map((link) => link.title)")


@pytest.mark.criterion("AC-104")
@pytest.mark.long
def test_the_queue_shows_the_tasks_of_everybody_page_by_page(tab, api_client, completed):
    theirs = [api_client.submit_task().task_id for _ in range(12)]
    for task_id in theirs:
        completed(task_id)
    one = tab()
    queue = one.by("navigation", "Queue")
    show = one.page.locator(f"#queue-list a[title='{theirs[-1]}']").wait_for
    show()
    assert ids(one) == theirs[:1:-1]
    queue.get_by_role("button", name="Older").press("Enter")
    one.page.locator(f"#queue-list a[title='{theirs[0]}']").wait_for()
    assert ids(one)[:2] == theirs[1::-1]
    assert one.page.evaluate("document.activeElement.id") == "queue-older"
    queue.get_by_role("button", name="Newer").press("Enter")
    show()
    queue.get_by_role("link", name=theirs[-1][:8]).click()
    one.wait("Completed after")
    assert one.task_id() == theirs[-1]
    assert one.complaints == []


@pytest.mark.criterion("AC-104")
@pytest.mark.long
def test_the_queue_goes_on_by_itself_and_keeps_the_focus(tab, api_client, finished):
    first = api_client.submit_task().task_id
    finished(first)
    one = tab()
    link = one.page.locator(f"#queue-list a[title='{first}']")
    link.focus()
    second = api_client.submit_task("nonsense").task_id
    finished(second)
    one.page.locator(f"#queue-list li:has(a[title='{second}']) .failed").wait_for()
    assert link.evaluate("(link) => link === document.activeElement")
    one.page.get_by_label("Tasks of everybody that are").select_option("failed")
    link.wait_for(state="detached")
    assert second in ids(one)
    words = one.page.locator("#queue-list .badge").all_inner_texts()
    assert set(words) == {"Failed"}


@pytest.mark.criterion("AC-102")
@pytest.mark.long
def test_it_is_small_and_asks_nobody_else(tab):
    one = tab()
    one.page.wait_for_load_state("networkidle")
    assert {url.split("/")[2] for url in one.requested} == {one.address.split("/")[2]}
    sizes = "performance.getEntries().reduce((sum, one) => sum + (one.encodedBodySize ?? 0), 0)"
    assert 5_000 < one.page.evaluate(sizes) < 50_000
