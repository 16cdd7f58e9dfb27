"""MCP (Model Context Protocol): tools of other servers for an agent, and our tools served to other clients."""
