"""The web page that talks: pictures and sound over WebRTC, or over a WebSocket where that fails."""
