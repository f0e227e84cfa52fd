// Runs transactions on EthereumJS.
//
// The first argument names a file with the request, the second the file for the answer, both JSON; independent.rs describes them. Every
// transaction runs on the state that its parent left, and on no other's. Whose signature a transaction carries is not looked at: its sender
// is the request's.

import { readFileSync, writeFileSync } from 'node:fs'

import { createBlock } from '@ethereumjs/block'
import { Common, Mainnet } from '@ethereumjs/common'
import { createFeeMarket1559Tx } from '@ethereumjs/tx'
import { createAccount, createAddressFromString } from '@ethereumjs/util'
import { createVM, runTx } from '@ethereumjs/vm'

const [requestPath, answerPath] = process.argv.slice(2)
const request = JSON.parse(readFileSync(requestPath, 'utf8'))
const common = new Common({ chain: Mainnet, hardfork: request.fork })
const sender = createAddressFromString(request.sender)
const gasPrice = BigInt(request.gas_price)

const vm = await createVM({ common })
await vm.stateManager.putAccount(sender, createAccount({ balance: 2n ** 255n - 1n }))

const block = createBlock(
  {
    header: {
      number: 1n,
      timestamp: 1n,
      gasLimit: BigInt(request.block_gas_limit),
      baseFeePerGas: gasPrice,
      coinbase: request.beneficiary,
    },
  },
  { common, skipConsensusFormatValidation: true },
)

// What the transaction came to; it changes the state.
async function run(wanted) {
  const { nonce } = await vm.stateManager.getAccount(sender)
  try {
    const transaction = createFeeMarket1559Tx(
      {
        chainId: 1n,
        nonce,
        maxPriorityFeePerGas: 0n,
        maxFeePerGas: gasPrice,
        gasLimit: BigInt(wanted.gas_limit),
        to: wanted.to ?? undefined,
        value: 0n,
        data: wanted.data,
      },
      { common, freeze: false },
    )
    transaction.getSenderAddress = () => sender
    const ran = await runTx(vm, { tx: transaction, block })
    return { success: ran.execResult.exceptionError === undefined, gas_used: Number(ran.totalGasSpent) }
  } catch (error) {
    return { refused: error.message }
  }
}

const answers = []

// Runs every transaction of this parent, each followed by those that it is the parent of.
async function runChildren(parent) {
  for (const [index, wanted] of request.transactions.entries()) {
    if (wanted.parent !== parent) continue
    await vm.stateManager.checkpoint()
    answers[index] = await run(wanted)
    await runChildren(index)
    await vm.stateManager.revert()
  }
}

await runChildren(null)
writeFileSync(answerPath, JSON.stringify(answers))
