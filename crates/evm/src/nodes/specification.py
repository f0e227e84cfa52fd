"""Runs transactions on Ethereum's executable specification (the package ethereum-execution).

The first argument names the folder of the packages, the second a file with the request, the third the file for the answer, both JSON;
independent.rs describes them. Every
transaction runs on the state that its parent left, and on no other's. Whose signature a transaction carries is not looked at: its sender is
the request's.
"""

import importlib
import json
import sys


def module(fork, name):
    return importlib.import_module(f"ethereum.forks.{fork}.{name}")


class Chain:
    """One fork's rules."""

    def __init__(self, request):
        from ethereum_types.bytes import Bytes32
        from ethereum_types.numeric import U64, U256, Uint

        self.request = request
        fork = request["fork"]
        self.fork = module(fork, "fork")
        self.vm = module(fork, "vm")
        self.state = module(fork, "state")
        self.transactions = module(fork, "transactions")
        self.types = module(fork, "fork_types")
        self.sender = self.address(request["sender"])
        self.fork.recover_sender = lambda chain_id, transaction: self.sender
        self.numbers = Bytes32, U64, U256, Uint

    def address(self, text):
        return self.types.Address(bytes.fromhex(text[2:]))

    def genesis(self):
        _, _, U256, _ = self.numbers
        state = self.state.State()
        self.state.set_account_balance(state, self.sender, U256(2**255 - 1))
        return state

    def copied(self, state):
        """The state again, so that what changes the one leaves the other: what begin_transaction keeps."""
        other = self.state.State()
        other._main_trie = self.state.copy_trie(state._main_trie)
        other._storage_tries = {
            address: self.state.copy_trie(trie) for address, trie in state._storage_tries.items()
        }
        return other

    def environment(self, state):
        Bytes32, U64, U256, Uint = self.numbers
        return self.vm.BlockEnvironment(
            chain_id=U64(1),
            state=state,
            block_gas_limit=Uint(self.request["block_gas_limit"]),
            block_hashes=[],
            coinbase=self.address(self.request["beneficiary"]),
            number=Uint(1),
            base_fee_per_gas=Uint(self.request["gas_price"]),
            time=U256(1),
            prev_randao=Bytes32(bytes(32)),
            excess_blob_gas=U64(0),
            parent_beacon_block_root=Bytes32(bytes(32)),
        )

    def run(self, state, wanted):
        """What the transaction came to; it changes the state."""
        _, U64, U256, Uint = self.numbers
        from ethereum_types.bytes import Bytes, Bytes0

        nonce = self.state.get_account(state, self.sender).nonce
        transaction = self.transactions.FeeMarketTransaction(
            chain_id=U64(1),
            nonce=U256(nonce),
            max_priority_fee_per_gas=Uint(0),
            max_fee_per_gas=Uint(self.request["gas_price"]),
            gas=Uint(wanted["gas_limit"]),
            to=self.address(wanted["to"]) if wanted["to"] else Bytes0(b""),
            value=U256(0),
            data=Bytes(bytes.fromhex(wanted["data"][2:])),
            access_list=(),
            y_parity=U256(0),
            r=U256(0),
            s=U256(0),
        )
        environment = self.environment(state)
        output = self.vm.BlockOutput()
        try:
            self.fork.process_transaction(environment, output, transaction, Uint(0))
        except Exception as error:
            from ethereum.exceptions import EthereumException

            if not isinstance(error, EthereumException):
                raise
            return {"refused": f"{type(error).__name__}: {error}"}
        receipt = self.receipt(output)
        return {"success": bool(receipt.succeeded), "gas_used": int(output.block_gas_used)}

    def receipt(self, output):
        from ethereum_rlp import rlp

        trie = module(self.request["fork"], "trie")
        encoded = trie.trie_get(output.receipts_trie, rlp.encode(self.numbers[3](0)))
        blocks = module(self.request["fork"], "blocks")
        return encoded if isinstance(encoded, blocks.Receipt) else blocks.decode_receipt(encoded)


def main(request_path, answer_path):
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    chain = Chain(request)
    wanted = request["transactions"]
    parents = {transaction["parent"] for transaction in wanted}
    states = {None: chain.genesis()}
    answers = []
    for index, transaction in enumerate(wanted):
        state = chain.copied(states[transaction["parent"]])
        answers.append(chain.run(state, transaction))
        if index in parents:
            states[index] = state
    with open(answer_path, "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    sys.setrecursionlimit(20000)
    sys.path.insert(0, sys.argv[1])
    main(*sys.argv[2:])
