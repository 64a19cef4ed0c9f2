// SPDX-License-Identifier: Apache-2.0
// Names of @ohos.net.socket and @ohos.net.webSocket, as facts: which there are, without what they take. For tests/docs/porting_rows.py.
declare namespace socket {
  export import NetAddress = connection.NetAddress;
  export type X509CertRawData = cert.EncodingBlob;
  function constructUDPSocketInstance(): UDPSocket;
  function constructMulticastSocketInstance(): MulticastSocket;
  function constructTCPSocketInstance(): TCPSocket;
  function constructTCPSocketServerInstance(): TCPSocketServer;
  function constructLocalSocketInstance(): LocalSocket;
  function constructLocalSocketServerInstance(): LocalSocketServer;
  function constructTLSSocketInstance(): TLSSocket;
  function constructTLSSocketServerInstance(): TLSSocketServer;
  interface NetAddress { address; family; port; }
  interface ProxyOptions { type; address; username; password; }
  enum ProxyTypes { NONE, SOCKS5 }
  interface UDPSendOptions { data; address; proxy; }
  interface ExtraOptionsBase { receiveBufferSize; sendBufferSize; reuseAddress; socketTimeout; }
  interface UDPExtraOptions { broadcast; }
  interface SocketStateBase { isBound; isClose; isConnected; }
  interface SocketRemoteInfo { address; family; port; size; }
  interface SocketMessageInfo { message; remoteInfo; }
  interface UDPSocket {
    bind(); send(); close(); getState(); setExtraOptions(); getLocalAddress(); getSocketFd();
    on(type: 'message'); off(type: 'message'); on(type: 'listening' | 'close'); off(type: 'listening' | 'close'); on(type: 'error'); off(type: 'error');
  }
  interface MulticastSocket {
    addMembership(); dropMembership(); setMulticastTTL(); getMulticastTTL(); setLoopbackMode(); getLoopbackMode();
  }
  interface TCPConnectOptions { address; timeout; proxy; }
  interface TCPSendOptions { data; encoding; }
  interface SocketLinger { on; linger; }
  interface TCPExtraOptions { keepAlive; OOBInline; TCPNoDelay; socketLinger; tcpFastOpen; }
  interface TCPSocket {
    bind(); connect(); send(); close(); getRemoteAddress(); getState(); getSocketFd(); setExtraOptions(); getLocalAddress();
    on(type: 'message'); off(type: 'message'); on(type: 'connect' | 'close'); off(type: 'connect' | 'close'); on(type: 'error'); off(type: 'error');
  }
  interface TCPSocketConnection { clientId; send(); close(); getRemoteAddress(); getLocalAddress(); on(type: 'message'); }
  interface TCPSocketServer { listen(); getState(); setExtraOptions(); getLocalAddress(); close(); getSocketFd(); on(type: 'connect'); }
  interface LocalSendOptions { data; encoding; }
  interface LocalSocketMessageInfo { message; address; size; }
  interface LocalAddress { address; }
  interface LocalConnectOptions { address; timeout; }
  interface LocalSocket {
    bind(); connect(); send(); close(); getState(); getSocketFd(); setExtraOptions(); getExtraOptions(); getLocalAddress();
    on(type: 'message'); off(type: 'message'); on(type: 'connect' | 'close'); off(type: 'connect' | 'close'); on(type: 'error'); off(type: 'error');
  }
  interface LocalSocketConnection {
    clientId; send(); close(); getLocalAddress(); on(type: 'message'); off(type: 'message'); on(type: 'close'); off(type: 'close'); on(type: 'error');
    off(type: 'error');
  }
  interface LocalSocketServer { listen(); getState(); setExtraOptions(); getExtraOptions(); getLocalAddress(); close(); getSocketFd(); }
  interface TLSSecureOptions {
    ca; cert; key; password; protocols; useRemoteCipherPrefer; signatureAlgorithms; cipherSuite; isBidirectionalAuthentication;
  }
  interface TLSConnectOptions { address; secureOptions; ALPNProtocols; skipRemoteValidation; proxy; timeout; }
  interface TLSSocket {
    bind(); connect(); send(); close(); getRemoteAddress(); getState(); setExtraOptions(); getCertificate(); getRemoteCertificate();
    getProtocol(); getCipherSuite(); getSignatureAlgorithms(); getLocalAddress(); getSocketFd();
    on(type: 'message'); off(type: 'message'); on(type: 'connect' | 'close'); off(type: 'connect' | 'close'); on(type: 'error'); off(type: 'error');
  }
  interface TLSSocketConnection { clientId; getRemoteCertificate(); getCipherSuite(); getSignatureAlgorithms(); }
  interface TLSSocketServer { listen(); getState(); setExtraOptions(); getCertificate(); getProtocol(); close(); getSocketFd(); }
  enum Protocol { TLSv12, TLSv13 }
  interface X509CertRawData { data; encodingFormat; }
}
declare namespace webSocket {
  type HttpProxy = connection.HttpProxy;
  type ProxyConfiguration = 'system' | 'no-proxy' | HttpProxy;
  type ResponseHeaders = { [k: string]: string | string[] | undefined; }
  function createWebSocket(): WebSocket;
  function createWebSocketServer(): WebSocketServer;
  interface WebSocketRequestOptions {
    header; caPath; clientCert; proxy; protocol; skipServerCertVerification; pingInterval; pongTimeout; minSupportTlsProtocol;
    supportOriginPort;
  }
  interface ClientCert { certPath; keyPath; keyPassword; }
  interface HttpProxy { host; port; username; password; exclusionList; }
  interface WebSocketCloseOptions { code; reason; }
  interface CloseResult { code; reason; }
  interface OpenResult { status; message; }
  interface WebSocket {
    connect(); send(); close();
    on(type: 'open'); off(type: 'open'); on(type: 'message'); on(type: 'close'); on(type: 'error'); on(type: 'dataEnd'); off(type: 'dataEnd');
    on(type: 'headerReceive'); off(type: 'headerReceive');
  }
  interface WebSocketServerConfig { serverPort; serverIP; serverCert; maxConcurrentClientsNumber; protocol; maxConnectionsForOneClient; }
  interface WebSocketConnection { clientIP; clientPort; }
  interface WebSocketMessage { data; clientConnection; }
  interface ServerCert { certPath; keyPath; }
  interface WebSocketServer {
    start(); listAllConnections(); send(); close(); stop();
    on(type: 'connect'); on(type: 'messageReceive'); on(type: 'close'); on(type: 'error'); off(type: 'connect');
  }
}
