import socket

from service.serve import listening


def test_the_listener_is_named_as_tcp_so_that_answers_are_not_held_back():
    # asyncio turns Nagle's algorithm off only where the protocol says TCP, and accepted sockets inherit it.
    with listening("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
