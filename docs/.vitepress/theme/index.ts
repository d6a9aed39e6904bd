import { h } from 'vue'
import type { Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import HomePicture from './HomePicture.vue'
import StatementBox from './StatementBox.vue'
import './style.css'

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { 'home-features-before': () => h(HomePicture) }),
  enhanceApp({ app }) {
    app.component('StatementBox', StatementBox)
  },
} satisfies Theme
