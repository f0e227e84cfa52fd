#!/usr/bin/env python3
"""Measures what the verifiers of other proof systems cost: scripts/other-systems.py MEASURE OUT.

MEASURE is the example measure_call, OUT the JSON file that a table of docs/published-figures.md is made of:

    cargo build --example measure_call
    scripts/other-systems.py target/debug/examples/measure_call data/other-systems.json

In a temporary folder, npm installs snarkjs and a build of circom. A circuit is made for each number of public values, and for each proof
system a setup, some proofs and a Solidity verifier. MEASURE compiles the verifier and calls it: with each proof, and with public values and
proofs that are wrong. One that is accepted ends the script.

snarkjs and circom are under the GPL 3. They run as programs of their own, and OUT has figures alone: no template, source or bytecode of
theirs. Setups and proofs are drawn anew by each run, so that gas differs by what zero bytes save and, for PLONK, by the steps of an inversion.

Needs Python 3.11, Node.js 18 with npm, and the npm registry. CI does not run it.
"""

import argparse
import collections
import datetime
import hashlib
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

PACKAGES = {"circom2": "0.2.23", "snarkjs": "0.7.6"}

# Each proof system, with the contract that snarkjs writes and the words of a proof.
SYSTEMS = {"groth16": ("Groth16Verifier", 8), "plonk": ("PlonkVerifier", 24), "fflonk": ("FflonkVerifier", 24)}

# Squarings and public values of each circuit.
CIRCUITS = [(20, 1), (20, 2), (20, 12), (200, 12)]

# A chain of squarings of a private number. Its last values are public: elements of the whole field, as hashes are.
CIRCUIT = """pragma circom 2.0.0;
template Squarings(length, shown) {
    signal input start;
    signal output values[shown];
    signal links[length + 1];
    links[0] <== start;
    for (var i = 0; i < length; i++) { links[i + 1] <== links[i] * links[i] + i; }
    for (var i = 0; i < shown; i++) { values[i] <== links[length - i]; }
}
component main = Squarings(%d, %d);
"""

# Powers of tau: FFLONK takes nine for each row, of 2^8 rows here.
POWERS = 12

# Proofs of each verifier, each of another statement.
PROOFS = 8

# BN254's scalar field.
ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617

LIMIT_SECONDS = 600


def main():
    parser = argparse.ArgumentParser(description="Measures what the verifiers of other proof systems cost.")
    parser.add_argument("measure", type=pathlib.Path, metavar="MEASURE", help="the example measure_call")
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="the JSON file to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(pathlib.Path(path), arguments.measure.resolve())
        folder.make_powers()
        measured = []
        for squarings, public_values in CIRCUITS:
            folder.make_circuit(squarings, public_values)
            for system in SYSTEMS:
                print(f"{system}: {squarings} squarings, {public_values} public values", file=sys.stderr, flush=True)
                measured.append(folder.measured(system, squarings, public_values))
        environment = measured[0][0]["environment"]
        document = {
            "command": shlex.join(sys.argv),
            "date": datetime.date.today().isoformat(),
            "machine": environment["machine"],
            "versions": {
                "circom": folder.run("node_modules/.bin/circom2", "--version").split()[-1],
                "evmbench": environment["evmbench_version"],
                "node": folder.run("node", "--version").strip(),
                "npm": folder.run("npm", "--version").strip(),
                "revm": environment["revm_version"],
            },
            "licences": {name: folder.manifest(name)["license"] for name in PACKAGES},
            "packages": folder.packages(),
            "solc": measured[0][0]["solc"],
            "verifiers": [figures for _, figures in measured],
        }
    text = json.dumps(document, indent=1)
    # Samples stand on one line.
    text = re.sub(r"\[\s+(\d[\d,\s]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    arguments.out.write_text(text + "\n")


class Folder:
    """A temporary folder with the programs from npm, and what they make."""

    def __init__(self, path, measure):
        self.path, self.measure = path, measure
        (path / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
        self.run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")

    def run(self, *command, given=None):
        """What a command prints. A command that fails ends the script."""
        command = [str(part) for part in command]
        done = subprocess.run(
            command, cwd=self.path, input=given or "", capture_output=True, text=True, timeout=LIMIT_SECONDS
        )
        if done.returncode != 0:
            sys.exit(f"{shlex.join(command)} ended with {done.returncode}:\n{(done.stderr or done.stdout)[-2000:]}")
        return done.stdout

    def snarkjs(self, *arguments):
        return self.run("node_modules/.bin/snarkjs", *arguments)

    def manifest(self, name):
        return json.loads((self.path / "node_modules" / name / "package.json").read_text())

    def packages(self):
        """Every package that npm installed, as "name version", with its digest."""
        installed = json.loads((self.path / "package-lock.json").read_text())["packages"]
        found = {path.rpartition("node_modules/")[2]: package for path, package in installed.items() if path}
        if any(found[name]["version"] != version for name, version in PACKAGES.items()):
            sys.exit("npm installed other versions")
        return {f"{name} {package['version']}": package["integrity"] for name, package in sorted(found.items())}

    def make_powers(self):
        """Powers of tau by one party, for this measurement alone."""
        self.snarkjs("powersoftau", "new", "bn128", POWERS, "empty.ptau")
        self.snarkjs("powersoftau", "contribute", "empty.ptau", "once.ptau", "--name=one", "-e=a measurement")
        self.snarkjs("powersoftau", "prepare", "phase2", "once.ptau", "powers.ptau")

    def make_circuit(self, squarings, public_values):
        """The circuit, and a witness for each proof."""
        (self.path / "circuit.circom").write_text(CIRCUIT % (squarings, public_values))
        self.run("node_modules/.bin/circom2", "circuit.circom", "--r1cs", "--wasm")
        for index in range(PROOFS):
            start = int.from_bytes(hashlib.sha256(f"start {index}".encode()).digest()) % ORDER
            (self.path / "input.json").write_text(json.dumps({"start": str(start)}))
            self.snarkjs("wtns", "calculate", "circuit_js/circuit.wasm", "input.json", f"{index}.wtns")

    def measured(self, system, squarings, public_values):
        """What MEASURE says of the system's verifier for the circuit at hand, and the figures that are kept of it."""
        contract, proof_words = SYSTEMS[system]
        self.set_up(system)
        self.snarkjs("zkey", "export", "solidityverifier", "key.zkey", "verifier.sol")
        proofs = [self.arguments(system, index) for index in range(PROOFS)]
        if any(len(proof) != proof_words + public_values for proof in proofs):
            sys.exit(f"{system}: a proof has {len(proofs[0]) - public_values} words, not {proof_words}")
        wrong = wrong_calls(proofs, proof_words)
        calls = [*proofs, *(call for of_kind in wrong.values() for call in of_kind)]
        lines = "".join("".join(f"{word:064x}" for word in call) + "\n" for call in calls)
        said = json.loads(self.run(self.measure, "verifier.sol", contract, "verifyProof", given=lines))
        return said, {
            "proof_system": system,
            "public_values": public_values,
            "constraints": squarings,
            "logrows": self.logrows(system),
            "proof_bytes": 32 * proof_words,
            "calldata_bytes": said["forks"][0]["calls"][0]["calldata"]["calldata_bytes"],
            "creation_code_bytes": said["creation_code_bytes"],
            "runtime_code_bytes": said["runtime_code_bytes"],
            "forks": [figures(fork, wrong) for fork in said["forks"]],
        }

    def set_up(self, system):
        if system == "groth16":
            # Without a contribution, anybody could forge.
            self.snarkjs("groth16", "setup", "circuit.r1cs", "powers.ptau", "empty.zkey")
            self.snarkjs("zkey", "contribute", "empty.zkey", "key.zkey", "--name=one", "-e=a measurement")
        else:
            self.snarkjs(system, "setup", "circuit.r1cs", "powers.ptau", "key.zkey")

    def arguments(self, system, index):
        """A proof and its public values, as words: all arguments are arrays of fixed length, so that the ABI encodes them as they stand."""
        self.snarkjs(system, "prove", "key.zkey", f"{index}.wtns", "proof.json", "public.json")
        said = self.snarkjs("zkey", "export", "soliditycalldata", "public.json", "proof.json")
        digits = "".join(re.findall(r"0x([0-9a-f]+)", said))
        return [int(digits[at : at + 64], 16) for at in range(0, len(digits), 64)]

    def logrows(self, system):
        """The circuit's rows as a power of two; none for Groth16, whose verifier does not depend on them."""
        if system == "groth16":
            return None
        self.snarkjs("zkey", "export", "verificationkey", "key.zkey", "key.json")
        return json.loads((self.path / "key.json").read_text())["power"]


def wrong_calls(proofs, proof_words):
    """Calls that a verifier must not accept, by what is wrong with them."""
    proof = proofs[0]
    changed = lambda at, word: [*proof[:at], word, *proof[at + 1 :]]
    public = range(proof_words, len(proof))
    return {
        "public_value_plus_one": [changed(at, (proof[at] + 1) % ORDER) for at in public],
        "public_value_plus_order": [changed(at, proof[at] + ORDER) for at in public],
        "public_values_of_another_proof": [proof[:proof_words] + other[proof_words:] for other in proofs[1:]],
        "proof_word_changed": [changed(at, proof[at] ^ 1) for at in range(proof_words)],
    }


def figures(fork, wrong):
    """What is kept of one fork's calls: gas of each proof, and how many wrong calls got which answer."""
    name, calls = fork["fork"], iter(fork["calls"])
    accepted = [next(calls) for _ in range(PROOFS)]
    if any(answer(call) != "accepted" or call["rules_broken"] for call in accepted):
        sys.exit(f"{name}: a proof was not accepted: {accepted}")
    controls = {}
    for kind, of_kind in wrong.items():
        controls[kind] = dict(collections.Counter(answer(next(calls)) for _ in of_kind))
        if not controls[kind].keys() <= {"returned_false", "reverted", "halted"}:
            sys.exit(f"{name}: a wrong call was not rejected: {kind}: {controls[kind]}")
    return {
        "fork": name,
        "deployment_gas": fork["deployment"]["gas"]["tx_gas"],
        "verification_gas": [call["gas"]["tx_gas"] for call in accepted],
        "execution_gas": [call["gas"]["execution_gas"] for call in accepted],
        "controls": controls,
    }


def answer(call):
    """A verdict's name; the word zero that a call returns is `false`."""
    verdict = call["verdict"]
    if verdict["verdict"] == "returned_other" and verdict["return_data"] == "0x" + 64 * "0":
        return "returned_false"
    return verdict["verdict"]


main()
