"""What the server keeps of its clients' calls."""

from __future__ import annotations

import asyncio

from rewatch.tools.mcp.accounts import Account, Running
from rewatch.tools.mcp.server_tools import Progress


def test_a_handle_that_was_given_out_is_good_while_its_call_runs():
    async def main() -> None:
        account, loop = Account(), asyncio.get_running_loop()
        running = [Running("slow", loop.create_future(), Progress()) for _ in range(40)]
        handles = [account.keep(one) for one in running]
        assert [account.kept[handle] for handle in handles] == running  # more than the answers that are kept
        for one in running:
            one.task.set_result(None)
        last = account.keep(Running("slow", loop.create_future(), Progress()))
        assert len(account.kept) == 16 and last in account.kept and handles[-1] in account.kept

    asyncio.run(main())
