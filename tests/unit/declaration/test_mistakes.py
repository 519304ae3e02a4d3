"""Every mistake is refused with its line, key, message and hint, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.declaration.fake_kinds import problems_of

_NO_URL, _WHY = "cannot be read as a URL of a", "it begins with wrong"
_OF, _HERE = "which it is made of", "correct it here"

Expected = tuple[int, str, str, str | None]  # line, key, message, hint


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    found: tuple[Expected, ...]
    environment: str | None = None
    variables: dict[str, str] = field(default_factory=dict)


TABS = (
    "YAML syntax: a tab where only spaces may be",
    "write spaces in its place: YAML takes no tab before a key or an entry",
)

CASES = [
    *(
        Case(
            f"a file with nothing in it: {text!r}",
            text,
            ((1, "(document)", "the file is empty", "begin with system: NAME"),),
        )
        for text in ("", "# only a remark\n")
    ),
    *(
        Case(
            f"no mapping: {text!r}",
            text,
            ((1, "(document)", "the file must be a mapping", "begin with system: NAME"),),
        )
        for text in ("- a\n", "just text\n", "~\n")
    ),
    Case(
        "a tab for a first key",
        "system: s\ncomponents:\n\ta: {kind: db}\n",
        ((3, "components", *TABS),),
    ),
    Case(
        "a tab among the spaces",
        "system: s\ncomponents:\n  a:\n    kind: db\n\t  version: 3\n",
        ((5, "components.a.kind", *TABS),),
    ),
    # --- keys and kinds -------------------------------------------------------------------------
    Case(
        "unknown top-level key",
        "system: s\ncomponents: {a: {kind: db}}\nexpects: {}\n",
        ((3, "expects", "unknown key", "did you mean expect?"),),
    ),
    Case(
        "unknown key of a component, block style",
        "system: s\ncomponents:\n  api:\n    kind: web\n    helth: /x\n",
        ((5, "components.api.helth", "unknown key", "did you mean health?"),),
    ),
    Case(
        "a command with an open quotation",
        "system: s\ncomponents:\n  api:\n    kind: web\n    run: python 'x\n",
        (
            (
                5,
                "components.api.run",
                'it cannot be split into words: no closing quotation, found "python \'x"',
                None,
            ),
        ),
    ),
    Case(
        "a variable with its value in its name",
        'system: s\ncomponents:\n  api:\n    kind: web\n    run: [x]\n    env: {"A=B": ""}\n',
        ((6, "components.api.env", "A: a name holds no =; write NAME: value", None),),
    ),
    Case(
        "unknown key with nothing near it",
        "system: s\ncomponents: {a: {kind: db}}\nexpect: {a: {qqq: 1}}\n",
        ((3, "expect.a.qqq", "unknown key", "valid here: migrations, tables, enums"),),
    ),
    Case(
        "unknown key deep in an expectation",
        "system: s\ncomponents: {a: {kind: db}}\n"
        "expect:\n  a:\n    tables:\n      tasks:\n        colums: {id: int}\n",
        ((7, "expect.a.tables.tasks.colums", "unknown key", "did you mean columns?"),),
    ),
    Case(
        "unknown kind",
        "system: s\ncomponents:\n  a:\n    kind: brokr\n",
        ((4, "components.a.kind", 'unknown kind "brokr"', "did you mean broker?"),),
    ),
    Case(
        "no kind",
        "system: s\ncomponents:\n  a: {}\n",
        ((3, "components.a.kind", "this key is missing", "one of: broker, db, job, web"),),
    ),
    Case(
        "a kind that is no text",
        "system: s\ncomponents:\n  a: {kind: [db]}\n",
        ((3, "components.a.kind", "must be text, found a list", None),),
    ),
    Case(
        "a component that is no mapping",
        "system: s\ncomponents:\n  a: db\n",
        ((3, "components.a", 'must be a mapping, found "db"', None),),
    ),
    Case(
        "a name that could leave its folder",
        "system: s\ncomponents:\n  ../a: {kind: db}\n",
        (
            (
                3,
                "components.../a",
                "a name is a letter, then up to 62 letters, digits, - and _",
                None,
            ),
        ),
    ),
    Case(
        "no system name",
        "components: {a: {kind: db}}\n",
        ((1, "system", "this key is missing", "system: the name of the system"),),
    ),
    Case(
        "no components",
        "system: s\n",
        (
            (
                1,
                "components",
                "no components are declared",
                "components: {api: {kind: http, ...}}",
            ),
        ),
    ),
    Case(
        "empty components",
        "system: s\ncomponents: {}\n",
        (
            (
                2,
                "components",
                "must be a mapping by component that is not empty, found an empty mapping",
                "write it out or remove it",
            ),
        ),
    ),
    Case(
        "the same key twice",
        "system: s\ncomponents:\n  a:\n    kind: db\n    kind: web\n",
        ((5, "components.a.kind", "this key is there twice (first on line 4)", "remove one"),),
    ),
    # --- types ----------------------------------------------------------------------------------
    Case(
        "a number where text is wanted keeps its digits",
        "system: s\ncomponents:\n  a:\n    kind: db\n    database: 3.10\n",
        (
            (
                5,
                "components.a.database",
                "must be text, found 3.10",
                'as text it is written in quotes: "3.10"',
            ),
        ),
    ),
    Case(
        "text where a number is wanted",
        "system: s\ncomponents:\n  a: {kind: web, replicas: two}\n",
        ((3, "components.a.replicas", 'must be a whole number, found "two"', None),),
    ),
    Case(
        "a flag where a number is wanted",
        "system: s\ncomponents:\n  a: {kind: web, replicas: true}\n",
        ((3, "components.a.replicas", "must be a number, found true", None),),
    ),
    Case(
        "text where a flag is wanted",
        "system: s\ncomponents: {q: {kind: broker}}\nexpect: {q: {queues: {j: {durable: ja}}}}\n",
        ((3, "expect.q.queues.j.durable", 'must be true or false, found "ja"', None),),
    ),
    Case(
        "one where a list is wanted",
        "system: s\ncomponents:\n  a: {kind: db}\n  b: {kind: web, needs: a}\n",
        (
            (
                4,
                "components.b.needs",
                'must be a list, found "a"',
                "a list of one is written [a]",
            ),
        ),
    ),
    Case(
        "none of the members of a union",
        "system: s\ncomponents:\n  a: {kind: web, run: {x: y}}\n",
        ((3, "components.a.run", "must be text or a list, found a mapping", None),),
    ),
    Case(
        "only the deepest error of a union",
        "system: s\ncomponents:\n  a:\n    kind: web\n    run:\n    - x\n    - 5\n",
        (
            (
                7,
                "components.a.run.1",
                "must be text, found 5",
                'as text it is written in quotes: "5"',
            ),
        ),
    ),
    Case(
        "too small",
        "system: s\ncomponents:\n  a: {kind: web, grace: 0}\n",
        ((3, "components.a.grace", "must be greater than 0, found 0", None),),
    ),
    Case(
        "too large",
        "system: s\ncomponents:\n  a: {kind: web, replicas: 65}\n",
        ((3, "components.a.replicas", "must be at most 64, found 65", None),),
    ),
    Case(
        "not one of the choices",
        "system: s\ncomponents:\n  a: {kind: web, priority: P2}\n",
        (
            (
                3,
                "components.a.priority",
                'must be p1, p2 or p3, found "P2"',
                "did you mean p2?",
            ),
        ),
    ),
    Case(
        "another form",
        "system: s\ncomponents:\n  a: {kind: web, health: health}\n",
        ((3, "components.a.health", 'must have the form ^/, found "health"', None),),
    ),
    Case(
        "what a kind says itself",
        "system: s\ncomponents:\n  a: {kind: db, database: template1}\n",
        ((3, "components.a.database", 'a template cannot be used, found "template1"', None),),
    ),
    Case(
        "nothing where text is wanted",
        "system: s\ncomponents:\n  a:\n    kind: db\n    database:\n",
        ((5, "components.a.database", "must be text, found nothing", None),),
    ),
    Case(
        "a number beyond all measure",
        f"system: s\ncomponents:\n  a: {{kind: web, replicas: {'9' * 5000}}}\n",
        ((3, "components.a.replicas", "the number is too long", "write text in quotes"),),
    ),
    # --- needs ----------------------------------------------------------------------------------
    Case(
        "an unknown component in needs",
        "system: s\ncomponents:\n  store: {kind: db}\n  api:\n    kind: web\n    needs:\n"
        "    - stoer\n",
        ((7, "components.api.needs.0", "unknown component stoer", "did you mean store?"),),
    ),
    Case(
        "a circle of needs",
        "system: s\ncomponents:\n  a: {kind: web, needs: [b]}\n  b: {kind: web, needs: [c]}\n"
        "  c: {kind: web, needs: [a]}\n  d: {kind: web, needs: [a]}\n",
        (
            (
                3,
                "components.a.needs",
                "a circle, so none of them could ever start: a -> b -> c -> a",
                "take one of them out of needs; a reference to it does not wait",
            ),
        ),
    ),
    Case(
        "a component that needs itself",
        "system: s\ncomponents:\n  b: {kind: db}\n  a: {kind: web, needs: [b, a]}\n",
        (
            (
                4,
                "components.a.needs",
                "a circle, so none of them could ever start: a -> a",
                "take one of them out of needs; a reference to it does not wait",
            ),
        ),
    ),
    Case(
        "an unknown component in a key of the kind's own",
        "system: s\ncomponents:\n  broker: {kind: broker}\n"
        "  w: {kind: job, consumes: {brokr: jobs}}\n",
        (
            (
                4,
                "components.w.consumes.brokr",
                "unknown component brokr",
                "did you mean broker?",
            ),
        ),
    ),
    Case(
        "queues of a component that has none",
        "system: s\ncomponents:\n  cache: {kind: db}\n"
        "  w:\n    kind: job\n    consumes: {cache: jobs}\n",
        (
            (
                6,
                "components.w.consumes.cache",
                "cache has no queues (kind db)",
                "name a broker; what is taken from anything else cannot be seen: leave it out",
            ),
        ),
    ),
    Case(
        "an unknown component in a value of an expectation",
        "system: s\ncomponents:\n  q: {kind: broker}\n  worker: {kind: job}\n"
        "expect: {q: {queues: {j: {consumer: workr}}}}\n",
        ((5, "expect.q.queues.j.consumer", "unknown component workr", "did you mean worker?"),),
    ),
    # --- references -----------------------------------------------------------------------------
    Case(
        "a reference to an unknown component",
        "system: s\ncomponents:\n  store: {kind: db}\n  a:\n    kind: web\n    env:\n"
        '      URL: "x {stor.url}"\n',
        (
            (
                7,
                "components.a.env.URL",
                "{stor.url} refers to an unknown component stor",
                "did you mean store? (for the literal text write {{stor.url}})",
            ),
        ),
    ),
    Case(
        "a reference to a component that has no likeness to any",
        'system: s\ncomponents: {q: {kind: broker}, a: {kind: web, env: {A: "{db.url}"}}}\n',
        (
            (
                2,
                "components.a.env.A",
                "{db.url} refers to an unknown component db",
                "valid here: q, a (for the literal text write {{db.url}})",
            ),
        ),
    ),
    Case(
        "a reference in a list, to an unknown endpoint",
        "system: s\ncomponents:\n  q: {kind: broker}\n"
        '  a:\n    kind: web\n    run: [x,\n          "{q.managment.url}"]\n',
        (
            (
                7,
                "components.a.run.1",
                "{q.managment.url}: q has no endpoint managment",
                "did you mean management?",
            ),
        ),
    ),
    Case(
        "a reference to an unknown field",
        'system: s\ncomponents:\n  q: {kind: broker}\n  a: {kind: web, env: {A: "{q.prt}"}}\n',
        (
            (
                4,
                "components.a.env.A",
                "{q.prt}: an endpoint has no field prt",
                "did you mean port?",
            ),
        ),
    ),
    Case(
        "a reference that forgot the field",
        "system: s\ncomponents:\n  q: {kind: broker}\n"
        '  a: {kind: web, env: {A: "{q.management}"}}\n',
        (
            (
                4,
                "components.a.env.A",
                "{q.management}: an endpoint has no field management",
                "write {q.management.url}",
            ),
        ),
    ),
    Case(
        "a reference to what has no endpoint",
        'system: s\ncomponents:\n  j: {kind: job}\n  a: {kind: web, env: {A: "{j.url}"}}\n',
        (
            (
                4,
                "components.a.env.A",
                "{j.url}: j has no endpoint (kind job)",
                "refer to a component that listens on a port",
            ),
        ),
    ),
    Case(
        "every mistaken reference of one string",
        'system: s\ncomponents:\n  d: {kind: db}\n  a: {kind: web, env: {A: "{d.x} {d.y}"}}\n',
        (
            (
                4,
                "components.a.env.A",
                "{d.x}: an endpoint has no field x",
                "valid here: url, urls, host, port, user, password, path",
            ),
            (
                4,
                "components.a.env.A",
                "{d.y}: an endpoint has no field y",
                "valid here: url, urls, host, port, user, password, path",
            ),
        ),
    ),
    # --- expectations and clean-up --------------------------------------------------------------
    *(
        Case(
            f"an empty expectation: {written}",
            f"system: s\ncomponents: {{a: {{kind: db}}}}\nexpect:\n  a: {written}\n",
            (
                (
                    4,
                    "expect.a",
                    "is empty: it would check nothing",
                    "declare something or remove it",
                ),
            ),
        )
        for written in ("", "{}", "[]", "~")
    ),
    *(
        Case(
            f"an empty part of an expectation: {written}",
            f"system: s\ncomponents: {{a: {{kind: db}}}}\nexpect:\n  a: {{{written}}}\n",
            ((4, f"expect.a.{key}", "is empty: it would check nothing", hint),),
        )
        for written, key, hint in (
            ("tables: {}", "tables", "remove it"),
            ("tables: ", "tables", "remove it"),
            ("tables: []", "tables", "remove it"),
            ("migrations: {}", "migrations", "remove it"),
            ("enums: {e: []}", "enums.e", "remove it"),
            ("tables: {t: {columns: {}}}", "tables.t.columns", "remove it"),
            ("tables: {t: {columns: {c: }}}", "tables.t.columns.c", "remove it"),
            ("tables: {t: {indexes: []}}", "tables.t.indexes", "remove it"),
            ("tables: {t: }", "tables.t", "write {} to expect only that it exists"),
        )
    ),
    Case(
        "an expectation of an unknown component",
        "system: s\ncomponents: {store: {kind: db}}\nexpect:\n  stoer: {tables: {t: {}}}\n",
        ((4, "expect.stoer", "unknown component stoer", "did you mean store?"),),
    ),
    Case(
        "an expectation of a kind that has none",
        "system: s\ncomponents: {w: {kind: job}}\nexpect:\n  w: {x: 1}\n",
        ((4, "expect.w", "nothing can be expected of a component of kind job", "remove it"),),
    ),
    Case(
        "expect without anything",
        "system: s\ncomponents: {w: {kind: job}}\nexpect:\n",
        (
            (
                3,
                "expect",
                "must be a mapping by component that is not empty, found nothing",
                "write it out or remove it",
            ),
        ),
    ),
    Case(
        "a missing key of an expectation",
        "system: s\ncomponents: {a: {kind: db}}\nexpect:\n  a:\n    migrations: {folde: x}\n",
        (
            (
                5,
                "expect.a.migrations.folder",
                "this key is missing",
                "folder: holds the migrations",
            ),
            (5, "expect.a.migrations.folde", "unknown key", "did you mean folder?"),
        ),
    ),
    Case(
        "clean-up of an unknown component",
        "system: s\ncomponents: {store: {kind: db}}\nclean_up:\n  stoer: {find: x}\n",
        ((4, "clean_up.stoer", "unknown component stoer", "did you mean store?"),),
    ),
    Case(
        "clean-up that removes nothing",
        "system: s\ncomponents: {store: {kind: db}}\nclean_up:\n  store: {}\n",
        (
            (
                4,
                "clean_up.store",
                "must say what to remove, found an empty mapping",
                "write it out or remove it",
            ),
        ),
    ),
    Case(
        "an unknown key of clean-up",
        "system: s\ncomponents: {store: {kind: db}}\nclean_up:\n"
        "  store: {find: x, remove: [x], remov: [x]}\n",
        ((4, "clean_up.store.remov", "unknown key", "did you mean remove?"),),
    ),
    Case(
        "clean-up in the terms of another kind",
        "system: s\ncomponents: {store: {kind: db}}\nclean_up:\n  store: {queues: [x]}\n",
        (
            (4, "clean_up.store.find", "this key is missing", None),
            (4, "clean_up.store.remove", "this key is missing", None),
            (4, "clean_up.store.queues", "unknown key", "valid here: find, remove"),
        ),
    ),
    Case(
        "clean-up of what cannot be cleaned up",
        "system: s\ncomponents: {api: {kind: web}}\nclean_up:\n  api: {find: x}\n",
        (
            (
                4,
                "clean_up.api",
                "nothing can be cleaned up in a component of kind web",
                "remove it",
            ),
        ),
    ),
    # --- ports ----------------------------------------------------------------------------------
    Case(
        "a port twice, whatever else is wrong with its component",
        "system: s\ncomponents:\n  a: {kind: web, port: 8001}\n"
        "  b: {kind: broker, management_port: 8001, x: 1}\n",
        (
            (
                4,
                "components.b.management_port",
                "port 8001 is already that of components.a.port",
                "leave it out, and a free one is used",
            ),
            (
                4,
                "components.b.x",
                "unknown key",
                "valid here: kind, needs, service, priority, time_limit, port, management_port",
            ),
        ),
    ),
    Case(
        "a fixed port for several replicas",
        "system: s\ncomponents:\n  a: {kind: web, port: 8001, replicas: 2}\n",
        (
            (
                3,
                "components.a.port",
                "replicas cannot share the fixed port 8001",
                "leave it out, and free ones are used",
            ),
        ),
    ),
    # --- variables ------------------------------------------------------------------------------
    Case(
        "an unset variable, with one of nearly that name",
        'system: s\ncomponents:\n  a:\n    kind: db\n    database: "x${DB_NAEM}"\n',
        (
            (
                5,
                "components.a.database",
                "the variable DB_NAEM is not set and has no default",
                "did you mean DB_NAME? (a default is written ${DB_NAEM:-default})",
            ),
        ),
        variables={"DB_NAME": "secret value", "OTHER": "x"},
    ),
    Case(
        "two unset variables, of a number: nothing follows from them",
        'system: s\ncomponents:\n  a: {kind: web, replicas: "${A}${B}"}\n',
        tuple(
            (
                3,
                "components.a.replicas",
                f"the variable {name} is not set and has no default",
                f"set {name} (a default is written ${{{name}:-default}})",
            )
            for name in "AB"
        ),
    ),
    Case(
        "an unset variable does not hide a mistaken reference",
        'system: s\ncomponents:\n  d: {kind: db}\n  a: {kind: web, env: {A: "${A}{d.prt}"}}\n',
        (
            (
                4,
                "components.a.env.A",
                "{d.prt}: an endpoint has no field prt",
                "did you mean port?",
            ),
            (
                4,
                "components.a.env.A",
                "the variable A is not set and has no default",
                "set A (a default is written ${A:-default})",
            ),
        ),
    ),
    *(
        Case(
            f"variables written wrongly: {written}",
            f"system: s\ncomponents:\n  a: {{kind: db, database: '{written}'}}\n",
            (
                (
                    3,
                    "components.a.database",
                    message,
                    "write ${NAME}, ${NAME:-default}, or $${ for a literal ${",
                ),
            ),
        )
        for written, message in (
            ("${A", "${ is never closed"),
            ("${}", "this use of ${ is not understood"),
            ("${A-b}", "this use of ${ is not understood"),
            ("${A B}", "this use of ${ is not understood"),
        )
    ),
    # --- environments ---------------------------------------------------------------------------
    Case(
        "an unset variable of the environment in use",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n  local: {provider: local}\n"
        '  far:\n    provider: remote\n    endpoints:\n      d: "${FAR_URL}"\n',
        (
            (
                8,
                "environments.far.endpoints.d",
                "the variable FAR_URL is not set and has no default",
                "set FAR_URL (a default is written ${FAR_URL:-default})",
            ),
        ),
        environment="far",
    ),
    Case(
        "an environment that is not there",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n  staging: {provider: local}\n",
        (
            (
                3,
                "environments.stagign",
                "there is no environment with this name",
                "did you mean staging?",
            ),
        ),
        environment="stagign",
    ),
    Case(
        "an environment where none are declared",
        "system: s\ncomponents: {d: {kind: db}}\n",
        (
            (
                1,
                "environments.far",
                "there is no environment with this name",
                "valid here: local",
            ),
        ),
        environment="far",
    ),
    Case(
        "no default environment",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n  one: {provider: local}\n"
        "  two: {provider: local}\n",
        (
            (
                3,
                "environments",
                "none of one, two is the default one",
                "say which with --env, or call one of them local",
            ),
        ),
    ),
    Case(
        "an unknown provider",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n  one: {provider: remot}\n",
        (
            (
                4,
                "environments.one.provider",
                'must be local, compose or remote, found "remot"',
                "did you mean remote?",
            ),
        ),
    ),
    Case(
        "endpoints of a local environment",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n  local:\n    provider: local\n"
        "    endpoints: {d: x}\n",
        (
            (
                6,
                "environments.local.endpoints",
                "only fits provider remote, and this one is local",
                "remove it",
            ),
        ),
    ),
    Case(
        "proxies where nothing is started",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n  far:\n    provider: remote\n"
        "    endpoints: {d: 'db://h'}\n    proxies: false\n",
        (
            (
                7,
                "environments.far.proxies",
                "only fits provider local, and this one is remote",
                "remove it",
            ),
        ),
    ),
    Case(
        "a compose file of a remote environment, and nothing to reach there",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n  far:\n    provider: remote\n"
        "    file: x\n",
        (
            (
                4,
                "environments.far.endpoints",
                "a remote environment must say where its components are reached",
                "endpoints: {api: http://...}",
            ),
            (
                6,
                "environments.far.file",
                "only fits provider compose, and this one is remote",
                "remove it",
            ),
            (
                6,
                "environments.far.file",
                'there is no file "x" beside the declaration',
                "correct the name",
            ),
        ),
    ),
    Case(
        "a compose environment without a file",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n  c: {provider: compose}\n",
        (
            (
                4,
                "environments.c.file",
                "a compose environment must name its compose file",
                "file: compose.yaml",
            ),
        ),
    ),
    Case(
        "endpoints that are empty",
        "system: s\ncomponents: {d: {kind: db}, b: {kind: broker}, w: {kind: web}}\n"
        "environments:\n  far:\n    provider: remote\n    endpoints:\n"
        '      d: "${FAR_URL:-}"\n      b: {amqp: "", management: {url: "${B_URL:-${C_URL:-}}"}}\n'
        '      w: ["http://h", "${W_URL:-}"]\n',
        (
            (7, "environments.far.endpoints.d", "the address is empty", "set FAR_URL"),
            (
                8,
                "environments.far.endpoints.b.amqp",
                "the address is empty",
                "write scheme://host:port",
            ),
            (
                8,
                "environments.far.endpoints.b.management.url",
                "the address is empty",
                "set B_URL, C_URL",
            ),
            (9, "environments.far.endpoints.w.1", "the address is empty", "set W_URL"),
        ),
    ),
    Case(
        "addresses that cannot be read",
        "system: s\ncomponents: {d: {kind: db}, b: {kind: broker}, w: {kind: web}}\n"
        "environments:\n  far:\n    provider: remote\n    endpoints:\n"
        '      d: "${FAR_URL}"\n'
        '      b: {amqp: "wrong:b", management: {url: "wrong:$${", user: "wrong:"}}\n'
        '      w: ["http://h", "wrong:${HOST:-h}${PORT:-}"]\n'
        '  off: {provider: remote, endpoints: {d: "${OFF:-wrong:}", w: "wrong:w"}}\n',
        (
            (7, "environments.far.endpoints.d", f"{_NO_URL} db: {_WHY}", f"correct FAR_URL, {_OF}"),
            (8, "environments.far.endpoints.b.amqp", f"{_NO_URL} broker: {_WHY}", _HERE),
            (8, "environments.far.endpoints.b.management.url", f"{_NO_URL} broker: {_WHY}", _HERE),
            (
                9,
                "environments.far.endpoints.w.1",
                f"{_NO_URL} web: {_WHY}",
                f"correct HOST, PORT, {_OF}",
            ),
            (10, "environments.off.endpoints.w", f"{_NO_URL} web: {_WHY}", _HERE),
        ),
        environment="far",
        variables={"FAR_URL": "wrong:hunter2"},
    ),
    Case(
        "endpoints that fit no component",
        "system: s\ncomponents:\n  store: {kind: db}\n  q: {kind: broker}\n  j: {kind: job}\n"
        "environments:\n  far:\n    provider: remote\n    endpoints:\n      stoer: x\n"
        "      j: x\n      q: {manage: x, url: y}\n      store: {sql: {ulr: x}}\n",
        (
            (10, "environments.far.endpoints.stoer", "unknown component", "did you mean store?"),
            (
                11,
                "environments.far.endpoints.j",
                "a component of kind job has no endpoint",
                "remove it",
            ),
            (
                12,
                "environments.far.endpoints.q.manage",
                "unknown endpoint",
                "did you mean management?",
            ),
            (
                12,
                "environments.far.endpoints.q.url",
                "unknown endpoint",
                "write {amqp: {url: ..., user: ..., password: ...}}",
            ),
            (13, "environments.far.endpoints.store.sql.url", "this key is missing", None),
            (
                13,
                "environments.far.endpoints.store.sql.ulr",
                "unknown key",
                "did you mean url?",
            ),
        ),
    ),
    Case(
        "endpoints without an address",
        "system: s\ncomponents:\n  d: {kind: db}\n  e: {kind: db}\nenvironments:\n  far:\n"
        "    provider: remote\n    endpoints:\n      d: []\n      e: {}\n",
        (
            (
                9,
                "environments.far.endpoints.d",
                "must have at least one address, found an empty list",
                None,
            ),
            (
                10,
                "environments.far.endpoints.e",
                "must have at least one address, found an empty mapping",
                None,
            ),
        ),
    ),
    Case(
        "protection that hangs on who calls",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments:\n"
        '  local: {provider: local}\n  far:\n    provider: remote\n    protected: "${P:-false}"\n'
        "    endpoints: {d: x}\n",
        ((7, "environments.far.protected", "cannot be a variable", "write it out"),),
    ),
    Case(
        "no environment at all",
        "system: s\ncomponents: {d: {kind: db}}\nenvironments: {}\n",
        ((3, "environments", "must name at least one environment", None),),
    ),
    # --- files ----------------------------------------------------------------------------------
    Case(
        "a specification that is not there",
        "system: s\ncomponents: {d: {kind: db}}\nspec: seatrail.yaml\n",
        (
            (
                3,
                "spec",
                'there is no file "seatrail.yaml" beside the declaration',
                "did you mean seatrial.yaml?",
            ),
        ),
    ),
    Case(
        "a compose file that is not there",
        "system: s\ncomponents: {d: {kind: db}}\ncompose: compose.yml\n",
        (
            (
                3,
                "compose",
                'there is no file "compose.yml" beside the declaration',
                "correct the name",
            ),
        ),
    ),
    # --- several at once, in file order -----------------------------------------------------------
    Case(
        "mistakes of all steps, in file order",
        "systm: s\nexpect: {d: {}}\ncomponents:\n  d: {kind: db, port: x}\n"
        '  w: {kind: web, env: {A: "${NOPE}"}, needs: [e]}\nspec: x\n',
        (
            (1, "systm", "unknown key", "did you mean system?"),
            (1, "system", "this key is missing", "system: the name of the system"),
            (2, "expect.d", "is empty: it would check nothing", "declare something or remove it"),
            (4, "components.d.port", 'must be a whole number, found "x"', None),
            (
                5,
                "components.w.env.A",
                "the variable NOPE is not set and has no default",
                "set NOPE (a default is written ${NOPE:-default})",
            ),
            (5, "components.w.needs.0", "unknown component e", "valid here: d, w"),
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mistake(case: Case, tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path, case.text, environment=case.environment, variables=case.variables
    )
    assert [(p.line, p.key, p.message, p.hint) for p in problems] == list(case.found)
    assert {p.file for p in problems} == {str(tmp_path / "seatrial.yaml")}


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
