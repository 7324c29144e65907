# Puts the documentation page into the program: cmake -D SOURCE=... -D OUTPUT=... -P embed.cmake
file(READ ${SOURCE}/index.html INDEX_HTML)
file(READ ${SOURCE}/app.js APP_JS)
file(READ ${SOURCE}/style.css STYLE_CSS)
configure_file(${SOURCE}/docs_page.cpp.in ${OUTPUT} @ONLY)
